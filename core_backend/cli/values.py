"""Values on their way in: from standard input or a file, and checked before they are written."""

from __future__ import annotations

import base64
import io
import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from dotenv.parser import parse_stream

from core_backend.cli.run import CommandError
from core_backend.errors import ConfigurationError, SecretFormatError
from core_backend.values import MAX_BYTES, SecretBytes, SecretText, read

if TYPE_CHECKING:
    from pathlib import Path

    from core_backend.cli.declarations import Declarations, DeclaredSecret

__all__ = [
    "Given",
    "find_fault",
    "format_env",
    "pipe_hint",
    "read_file",
    "read_stdin",
]

_FIX = "Correct the file; nothing was written."


class Given(NamedTuple):
    """A value that the user gives for a secret."""

    secret: DeclaredSecret
    value: SecretText | SecretBytes
    structured: bool = False
    """Whether it was a JSON object or array in the file, so that only its meaning counts."""


class _Entry(NamedTuple):
    """One key of a file with its value.

    If a value with several lines has no quotes, its second line looks like a key.
    """

    place: str
    """How messages call it, such as ``line 3``."""
    key: str
    value: Any


def read_stdin(secret: DeclaredSecret) -> SecretText | SecretBytes:
    """Read a value from standard input.

    Of a text, the last line end and a byte order mark are left out.

    Raises:
        CommandError: The value is declared as text and is not UTF-8, or standard input is closed.
    """
    if sys.stdin is None:
        raise CommandError("standard input is closed; nothing was written", pipe_hint(secret))
    # Enough to see that there is too much: one byte more, the mark and the line end.
    data = SecretBytes(sys.stdin.buffer.read(MAX_BYTES + 6))
    if secret.binary:
        return data
    text = _decode(data)
    if text is None:
        raise CommandError(
            f"the value of {secret.name} is not UTF-8 text; nothing was written",
            "Declare its name with .binary() if it is meant to be bytes.",
        )
    return SecretText(text.removesuffix("\n").removesuffix("\r"))


def pipe_hint(secret: DeclaredSecret) -> str:
    """Return the advice to pipe a value into the command."""
    return f"Pipe it from a file: core-backend secrets set {secret.name} ... < FILE"


def find_fault(value: SecretText | SecretBytes, secret: DeclaredSecret) -> str | None:
    """Return why Secrets Manager, or the code that awaits the secret, would refuse the value.

    It may be empty, too long, or not of a declared shape.
    """
    size = _size(value)
    if size is None:
        return f"the value of {secret.name} has characters that are not Unicode text"
    # White space is a value if it is bytes.
    if not (value.strip() if isinstance(value, str) else value):
        return f"the value of {secret.name} is empty"
    if size > MAX_BYTES:
        return (
            f"the value of {secret.name} is longer than the {MAX_BYTES:,} bytes that Secrets "
            f"Manager takes"
        )
    # A name without a shape takes any value; perhaps other names are only derived from it.
    for parse in filter(None, (shape.parse for shape in secret.shapes)):
        try:
            read(value, parse, secret.name)
        except SecretFormatError as error:
            return str(error)
    return None


def read_file(file: Path, declared: Declarations, *, base64_binary: bool = False) -> list[Given]:
    """Read a file whose keys are declared names, or their environment variables.

    Args:
        file: A ``.json`` or ``.env`` file.
        declared: The secrets that it may have values for.
        base64_binary: Whether values that are declared as binary are base64 in the file.
            Otherwise they are refused: a text file cannot tell base64 from bytes that look like it.

    Raises:
        CommandError: The file cannot be read, or a key is not declared, occurs twice or has no
            text. The message names the place of each, and never quotes the file.
    """
    text = _read_text(file)
    entries = _parse_json(text, file) if file.suffix.lower() == ".json" else _parse_env(text, file)
    if not entries:
        raise CommandError(f"{file} has no values", _FIX)
    found: list[Given] = []
    faults: list[str] = []
    for entry in entries:
        try:
            secret = declared.find(entry.key)
            if any(secret == given.secret for given in found):
                faults.append(f"{entry.place}: {secret.name} occurs a second time")
            elif secret.binary:
                found.append(_read_binary(entry, secret, base64_binary=base64_binary))
            else:
                found.append(_read_value(entry, secret))
        except ConfigurationError as error:
            faults.append(f"{entry.place}: {error}")
    if faults:
        raise CommandError(f"{file}: {'; '.join(faults)}", _FIX)
    return found


def format_env(key: str, value: str) -> str:
    """Return the line of a ``.env`` file that python-dotenv reads as this value."""
    # A shell, too, takes what is in single quotes literally.
    if not set("'\\\r") & set(value):
        return f"{key}='{value}'\n"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
    return f'{key}="{escaped}"\n'


def _read_text(file: Path) -> str:
    try:
        # Some editors write a byte order mark.
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        fault = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        fault = "it is not UTF-8 text"
    # Raised out here because the decoding error holds the file's content.
    raise CommandError(f"{file} cannot be read: {fault}")


def _parse_env(text: str, file: Path) -> list[_Entry]:
    bindings = list(parse_stream(io.StringIO(text)))
    bad = [str(binding.original.line) for binding in bindings if binding.error]
    if bad:
        raise CommandError(f"{file}: line {', '.join(bad)} is not KEY=value", _FIX)
    return [
        _Entry(f"line {binding.original.line}", binding.key, binding.value)
        for binding in bindings
        if binding.key is not None
    ]


def _parse_json(text: str, file: Path) -> list[_Entry]:
    fault = "it is not one JSON object"
    try:
        data = json.loads(text)
        # As pairs, too: of two equal keys, a dict keeps only one.
        pairs: list[tuple[str, Any]] = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        fault = f"line {error.lineno}, column {error.colno}: not JSON"
    except RecursionError:
        fault = "it is nested too deeply"
    else:
        if isinstance(data, dict):
            values = cast("dict[str, Any]", data)
            keys = [key for key, _ in pairs]
            return [_Entry(f"key {n}", key, values[key]) for n, key in enumerate(keys, 1)]
    raise CommandError(f"{file}: {fault}", _FIX)


def _read_binary(entry: _Entry, secret: DeclaredSecret, *, base64_binary: bool) -> Given:
    if not base64_binary:
        raise ConfigurationError(
            f"{secret.name} is declared as binary, which a text file cannot hold byte for byte: "
            f"use secrets set"
        )
    # The command base64 wraps its lines.
    text = "".join(entry.value.split()) if isinstance(entry.value, str) else ""
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        value = b""
    if not value:
        raise ConfigurationError(f"{secret.name} is declared as binary, and is not base64 here")
    return Given(secret, SecretBytes(value))


def _read_value(entry: _Entry, secret: DeclaredSecret) -> Given:
    if isinstance(entry.value, str):
        return Given(secret, SecretText(entry.value))
    # Not isinstance, which would leave the type of the contents unknown.
    if type(entry.value) in {dict, list}:
        text = json.dumps(entry.value, ensure_ascii=False)
        return Given(secret, SecretText(text), structured=True)
    raise ConfigurationError(f"{secret.name} has no text; put it in quotes")


def _decode(data: bytes) -> str | None:
    # The decoding error holds the value, so it must not leave this function.
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _size(value: SecretText | SecretBytes) -> int | None:
    try:
        return len(value.encode() if isinstance(value, str) else value)
    except UnicodeEncodeError:
        return None
