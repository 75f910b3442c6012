"""Values out of a ``.env`` or JSON file, by the secrets that a module declares."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from dotenv.parser import parse_stream

from core_backend.cli.errors import CommandError
from core_backend.errors import ConfigurationError
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core_backend.cli.declarations import Declarations, DeclaredSecret

__all__ = ["Given", "read_values"]

_FIX = "Correct the file; nothing was written."


class Given(NamedTuple):
    """A value that a file has for a secret."""

    secret: DeclaredSecret
    value: SecretText | SecretBytes
    structured: bool
    """Whether it stands there as a JSON object or array, so that its spelling means nothing."""


class _Entry(NamedTuple):
    """A key and its value; the key may be part of a value that spans lines without quotes."""

    place: str
    """What messages call it."""
    key: str
    value: Any


def read_values(file: Path, declared: Declarations, *, base64_binary: bool = False) -> list[Given]:
    """Read a file whose keys are declared names, or their environment variables.

    Args:
        file: A ``.json`` or ``.env`` file.
        declared: The secrets that it may have values for.
        base64_binary: Whether what is declared as binary stands there as base64. Otherwise it is
            refused: nothing in a file of text tells base64 from bytes that only look like it.

    Raises:
        CommandError: It cannot be read, or has keys that are not declared, twice there or
            without a text; names the place of each, and never quotes the file.
    """
    text = _text(file)
    entries = _from_json(text, file) if file.suffix.lower() == ".json" else _from_env(text, file)
    if not entries:
        raise CommandError(f"{file} has no values", _FIX)
    found: list[Given] = []
    faults: list[str] = []
    for entry in entries:
        try:
            secret = _secret(entry, declared, taken=[given.secret for given in found])
            if secret.binary:
                found.append(_binary(entry, secret, base64_binary=base64_binary))
            else:
                found.append(_given(entry, secret))
        except ConfigurationError as error:
            faults.append(f"{entry.place}: {error}")
    if faults:
        raise CommandError(f"{file}: {'; '.join(faults)}", _FIX)
    return found


def _text(file: Path) -> str:
    try:
        # Some editors begin a file with a mark of its encoding.
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        fault = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        fault = "it is not UTF-8 text"
    # Out here, so that no error with the file's content hangs on to it.
    raise CommandError(f"{file} cannot be read: {fault}")


def _from_env(text: str, file: Path) -> list[_Entry]:
    bindings = list(parse_stream(io.StringIO(text)))
    bad = [str(binding.original.line) for binding in bindings if binding.error]
    if bad:
        raise CommandError(f"{file}: line {', '.join(bad)} is not KEY=value", _FIX)
    return [
        _Entry(f"line {binding.original.line}", binding.key, binding.value)
        for binding in bindings
        if binding.key is not None
    ]


def _from_json(text: str, file: Path) -> list[_Entry]:
    fault = "it is not one JSON object"
    try:
        data = json.loads(text)
        # The keys as they stand there: of those that are there twice, a dict keeps one.
        pairs: list[tuple[str, Any]] = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        fault = f"line {error.lineno}, column {error.colno}: no JSON"
    except RecursionError:
        fault = "it is nested too deeply"
    else:
        if isinstance(data, dict):
            values = cast("dict[str, Any]", data)
            keys = [key for key, _ in pairs]
            return [_Entry(f"key {n}", key, values[key]) for n, key in enumerate(keys, 1)]
    raise CommandError(f"{file}: {fault}", _FIX)


def _secret(
    entry: _Entry, declared: Declarations, *, taken: Sequence[DeclaredSecret]
) -> DeclaredSecret:
    secret = declared.find(entry.key)
    if secret in taken:
        raise ConfigurationError(f"{secret.name} is there a second time")
    return secret


def _binary(entry: _Entry, secret: DeclaredSecret, *, base64_binary: bool) -> Given:
    if not base64_binary:
        raise ConfigurationError(
            f"{secret.name} is declared as binary, which a file of text does not hold byte for "
            f"byte: use secrets set"
        )
    # base64 wraps its lines.
    text = "".join(entry.value.split()) if isinstance(entry.value, str) else ""
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        value = b""
    if not value:
        raise ConfigurationError(f"{secret.name} is declared as binary, and is no base64 here")
    return Given(secret, SecretBytes(value), structured=False)


def _given(entry: _Entry, secret: DeclaredSecret) -> Given:
    if isinstance(entry.value, str):
        return Given(secret, SecretText(entry.value), structured=False)
    # Asked so, since isinstance would leave the type of their contents unknown.
    if type(entry.value) in {dict, list}:
        text = json.dumps(entry.value, ensure_ascii=False)
        return Given(secret, SecretText(text), structured=True)
    raise ConfigurationError(f"{secret.name} has no text; put it in quotes")
