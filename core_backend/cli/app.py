"""The command's entry: its groups, its exit codes, and how it fails."""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import ExitStack, redirect_stderr, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core_backend.cli.commands.check import check
from core_backend.cli.commands.demo import demo
from core_backend.cli.commands.invoke import invoke
from core_backend.cli.commands.layer import layer
from core_backend.cli.commands.secrets import secrets
from core_backend.cli.errors import CommandError
from core_backend.cli.options import common, examples
from core_backend.cli.run import Run
from core_backend.errors import CoreBackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_command"]

_PROGRAM = "core-backend"
_OPTION = re.compile(r"--?[a-z-]{1,20}")
# What serves secrets on this machine, and does not come with the extra cli.
_SERVING = ("flask", "flask_cors", "moto", "werkzeug")
_DEBUG = "Run it again with --debug to see where."
# A file or a terminal takes no more.
_UNWRITTEN = (errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC)
_FAILED = 1
_USAGE = 2


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("core-backend secrets status --names app.secret_names --env dev"),
)
@click.version_option(package_name="core_backend", message="%(prog)s %(version)s")
@common
def _commands() -> None:
    """Fill, see, check, run and pack the secrets of a Lambda application."""


for _command in (secrets, check, invoke, layer, demo):
    _commands.add_command(_command)


def run_command(argv: Sequence[str] | None) -> int:
    """Run the command, and return its exit code: see ``core_backend.cli.main``."""
    run = Run()
    with ExitStack() as stack:
        if sys.stderr is None:  # closed by who called it
            stack.enter_context(redirect_stderr(stack.enter_context(Path(os.devnull).open("w"))))
        return _run(run, argv)


def _run(run: Run, argv: Sequence[str] | None) -> int:
    if sys.stdout is None:
        # Before anything is done: what came of it could not be told.
        _fail("standard output is closed", "Send it somewhere, be it to /dev/null.")
        return _FAILED
    try:
        code = _invoke(run, argv)
    except Exception as error:  # noqa: BLE001  # nobody is shown a traceback unasked
        if run.debug:
            _complain(run.masked.traceback(error))
        code = _reported(run, error)
    try:
        # Here and not when the process ends, where a failure has no words.
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read it has seen enough.
        _give_up_output()
        return _FAILED
    except OSError as error:
        return _reported(run, error)
    return code


def _invoke(run: Run, argv: Sequence[str] | None) -> int:
    try:
        code = _commands.main(argv, prog_name=_PROGRAM, standalone_mode=False, obj=run)
    except SystemExit as ended:
        # click's own, after a completion or where the reader of a pipe went away. Those have a
        # number; nothing else is to end a command in silence.
        if not isinstance(ended.code, int):
            raise CommandError(f"this was not expected: {type(ended).__name__}", _DEBUG) from ended
        code = ended.code
    return code if isinstance(code, int) else 0


def _reported(run: Run, error: Exception) -> int:
    """Say in one or two lines what went wrong, and return the exit code."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            _complain(f"{error.format_message()}\n")
            return _USAGE
        case click.NoSuchOption() if not _OPTION.fullmatch(error.option_name):
            # Who takes a value for an argument is not shown it again.
            _fail("an argument begins with a hyphen, and is no option", _see_help(error))
            return _USAGE
        case click.UsageError():
            _fail(error.format_message(), _see_help(error))
            return _USAGE
        case click.ClickException():
            _fail(error.format_message())
        case click.Abort():
            _fail("stopped; nothing was written")
        case CoreBackendError():
            _fail(run.masked.text(str(error)))
        case ModuleNotFoundError(name=str(module)) if module.partition(".")[0] in _SERVING:
            _fail(
                f"this command needs {module}, which is not installed",
                "Install it: python -m pip install 'core_backend[cli,testing,local]'",
            )
        case OSError(errno=number, filename=None) if number in _UNWRITTEN:
            _give_up_output()
            _fail(
                f"standard output cannot be written ({error.strerror}); what was asked may be done",
                "Make room, or send it elsewhere; see what is done: core-backend secrets status",
            )
        case _:
            # Its message may quote anything.
            _fail(
                f"this was not expected: {type(error).__name__}",
                _DEBUG,
            )
    return _FAILED


def _see_help(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else _PROGRAM
    return f"See {path} --help."


def _fail(message: str, next_step: str = "") -> None:
    label = "Error:"
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = click.style(label, fg="red")
    _complain("\n".join(filter(None, [f"{label} {message}", next_step])) + "\n")


def _give_up_output() -> None:
    """Let nobody try again, when the process ends, to write what could not be."""
    with suppress(OSError):  # where it is no file of the process's
        output = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output)
        os.close(nowhere)


def _complain(text: str) -> None:
    sys.stderr.write(text)
