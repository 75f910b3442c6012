"""Where a value comes from, and what is refused before anything is written."""

from __future__ import annotations

import getpass
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from core_backend.cli.errors import CommandError
from core_backend.errors import SecretFormatError
from core_backend.values import SecretBytes, SecretText, read

if TYPE_CHECKING:
    from core_backend.cli.declarations import DeclaredSecret

__all__ = ["MAX_BYTES", "at_terminal", "confirm", "fault_of", "typed_value", "value_from_stdin"]

# Source: Secrets Manager API reference, PutSecretValue (SecretString, SecretBinary).
MAX_BYTES = 65_536
# A terminal hands over no longer line, and says nothing of what it drops: 4,096 bytes with the
# line's end on Linux (N_TTY_BUF_SIZE), 1,024 on macOS (MAX_CANON). Elsewhere nothing is dropped.
_MAX_LINE = {"linux": 4_095, "darwin": 1_023}.get(sys.platform, MAX_BYTES + 1)

_UNDECODED = "what was typed is not in the encoding of this terminal; nothing was written"


def at_terminal() -> bool:
    """Return whether a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(question: str, refusal: str, *, assume_yes: bool) -> None:
    """Go on only if the person agrees.

    Raises:
        CommandError: Nobody can be asked; says ``refusal``.
        click.Abort: The answer is no.
    """
    if assume_yes:
        return
    if not at_terminal():
        raise CommandError(refusal, "Pass --yes to write all the same.")
    # The error would hold what was typed: it does not get out of here.
    with suppress(UnicodeDecodeError):
        click.confirm(question, abort=True, err=True)
        return
    raise CommandError(_UNDECODED, "Answer with y or n.")


def typed_value(secret: DeclaredSecret) -> SecretText:
    """Ask twice for a value, which is not shown.

    Raises:
        CommandError: The two differ, or a value like this cannot be typed.
    """
    if secret.binary:
        raise CommandError(
            f"{secret.name} is declared as binary, which cannot be typed", _pipe(secret)
        )
    value = _hidden(f"Value of {secret.name} (not shown): ", secret)
    if value != _hidden("The same again: ", secret):
        raise CommandError("the two entries differ; nothing was written")
    if len(value.encode(errors="replace")) >= _MAX_LINE:
        raise CommandError(
            f"the terminal hands over no more than {_MAX_LINE:,} bytes of a line, so this value "
            f"may not be whole; nothing was written",
            _pipe(secret),
        )
    return value


def value_from_stdin(secret: DeclaredSecret) -> SecretText | SecretBytes:
    """Read a value from standard input.

    Of a text, the last line's end is not part, nor is a mark of its encoding before it.

    Raises:
        CommandError: It is meant to be text, and is not UTF-8; or there is no standard input.
    """
    if sys.stdin is None:
        raise CommandError("standard input is closed; nothing was written", _pipe(secret))
    # One more than is allowed, with the mark and the line's end, to see that there is more.
    data = SecretBytes(sys.stdin.buffer.read(MAX_BYTES + 6))
    if secret.binary:
        return data
    text = _decoded(data)
    if text is None:
        raise CommandError(
            f"the value of {secret.name} is not UTF-8 text; nothing was written",
            "Declare its name with .binary() if it is meant to be bytes.",
        )
    return SecretText(text.removesuffix("\n").removesuffix("\r"))


def fault_of(value: SecretText | SecretBytes, secret: DeclaredSecret) -> str | None:
    """Return why Secrets Manager, or the code that awaits the secret, could not take the value.

    That is where it is empty, too long, or not of a shape that is declared.
    """
    size = _size(value)
    if size is None:
        return f"the value of {secret.name} has characters that are no Unicode text"
    # Bytes mean what they are: white space is a value as well.
    if not (value.strip() if isinstance(value, str) else value):
        return f"the value of {secret.name} is empty"
    if size > MAX_BYTES:
        return (
            f"the value of {secret.name} is longer than the {MAX_BYTES:,} bytes that Secrets "
            f"Manager takes"
        )
    # A name without a shape takes any; it may stand there for others to be derived from.
    for parse in filter(None, (shape.parse for shape in secret.shapes)):
        try:
            read(value, parse, secret.name)
        except SecretFormatError as error:
            return str(error)
    return None


def _hidden(prompt: str, secret: DeclaredSecret) -> SecretText:
    with warnings.catch_warnings():
        # Where a terminal cannot hide it, getpass warns and shows it.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return SecretText(getpass.getpass(prompt))
        except getpass.GetPassWarning:
            raise CommandError("this terminal cannot hide what is typed", _pipe(secret)) from None
        except UnicodeDecodeError:
            pass
    # Out here: the error holds what was typed.
    raise CommandError(_UNDECODED, _pipe(secret))


def _pipe(secret: DeclaredSecret) -> str:
    return f"Have it read from a file: core-backend secrets set {secret.name} ... < FILE"


def _decoded(data: bytes) -> str | None:
    # The error would hold the value: it does not get out of here.
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _size(value: SecretText | SecretBytes) -> int | None:
    try:
        return len(value.encode() if isinstance(value, str) else value)
    except UnicodeEncodeError:
        return None
