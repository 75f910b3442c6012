"""A person at a terminal: questions, and values that are typed without being shown."""

from __future__ import annotations

import getpass
import sys
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from core_backend.cli.run import CommandError
from core_backend.cli.values import pipe_hint
from core_backend.values import MAX_BYTES, SecretText

if TYPE_CHECKING:
    from collections.abc import Generator

    from core_backend.cli.declarations import DeclaredSecret
    from core_backend.cli.run import Run

__all__ = ["at_terminal", "confirm", "hide_typing", "read_typed_value"]

# A terminal passes on no longer line, and drops the rest without a word: 4,096 bytes with the line
# end on Linux (N_TTY_BUF_SIZE), 1,024 on macOS (MAX_CANON). Other systems drop nothing.
_MAX_LINE = {"linux": 4_095, "darwin": 1_023}.get(sys.platform, MAX_BYTES + 1)

_UNDECODED = "what was typed is not in the encoding of this terminal; nothing was written"


def at_terminal() -> bool:
    """Return whether standard input is a terminal, so that there is a person to ask."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(run: Run, question: str, refusal: str) -> None:
    """Return if the person agrees, or has passed ``--yes``.

    Raises:
        CommandError: There is nobody to ask; its message is ``refusal``.
        click.Abort: The answer is no.
    """
    if run.assume_yes:
        return
    if not at_terminal():
        raise CommandError(refusal, "Pass --yes to do it all the same.")
    # What was typed before the question is not an answer to it.
    _set_echo(on=True)
    # The decoding error holds what was typed, so it must not leave this function.
    with suppress(UnicodeDecodeError):
        click.confirm(question, abort=True, err=True)
        return
    raise CommandError(_UNDECODED, "Answer with y or n.")


def read_typed_value(secret: DeclaredSecret) -> SecretText:
    """Ask twice for a value, without showing it.

    Raises:
        CommandError: The two entries differ, or such a value cannot be typed.
    """
    if secret.binary:
        raise CommandError(
            f"{secret.name} is declared as binary, which cannot be typed", pipe_hint(secret)
        )
    value = _read_hidden(f"Value of {secret.name} (not shown): ", secret)
    if value != _read_hidden("The same again: ", secret):
        raise CommandError("the two entries differ; nothing was written")
    if len(value.encode(errors="replace")) >= _MAX_LINE:
        raise CommandError(
            f"a terminal passes on at most {_MAX_LINE:,} bytes of a line, so this value may be "
            f"incomplete; nothing was written",
            pipe_hint(secret),
        )
    return value


@contextmanager
def hide_typing() -> Generator[None]:
    """Hide typed input until the block ends, and discard input that was not read.

    A value that is pasted before the prompt appears would be shown, and the rest of one with
    several lines would be run by the shell.
    """
    before = _set_echo(on=False)
    try:
        yield
    finally:
        if before is not None:
            _set_echo(on=before)


def _set_echo(*, on: bool) -> bool | None:
    """Switch on or off that the terminal shows what is typed, and drop what was not read.

    Returns:
        Whether it was on; ``None`` if standard input is not a terminal, or not one that can be
        switched. Windows shows only what a prompt reads.
    """
    try:
        import termios  # noqa: PLC0415  # Windows has none
    except ImportError:
        return None
    if not at_terminal():
        return None
    try:
        number = sys.stdin.fileno()
        modes = termios.tcgetattr(number)
        before = bool(modes[3] & termios.ECHO)
        modes[3] = modes[3] | termios.ECHO if on else modes[3] & ~termios.ECHO
        termios.tcsetattr(number, termios.TCSAFLUSH, modes)
    except (OSError, termios.error):
        return None
    return before


def _read_hidden(prompt: str, secret: DeclaredSecret) -> SecretText:
    with warnings.catch_warnings():
        # If a terminal cannot hide what is typed, getpass only warns.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return SecretText(getpass.getpass(prompt))
        except getpass.GetPassWarning:
            raise CommandError(
                "this terminal cannot hide what is typed", pipe_hint(secret)
            ) from None
        except UnicodeDecodeError:
            pass
    # Raised out here because the decoding error holds what was typed.
    raise CommandError(_UNDECODED, pipe_hint(secret))
