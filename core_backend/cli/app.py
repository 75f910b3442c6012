"""The whole command: its groups, its exit codes, and how failures are shown."""

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
from core_backend.cli.commands.invoke import demo, invoke
from core_backend.cli.commands.layer import layer
from core_backend.cli.commands.secrets import secrets
from core_backend.cli.options import common, examples
from core_backend.cli.run import CommandError, Run
from core_backend.errors import CoreBackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_command"]

_PROGRAM = "core-backend"
_OPTION = re.compile(r"--?[a-z-]{1,20}")
# What serves secrets on this machine. The extra cli does not install it.
_SERVING = ("flask", "flask_cors", "moto", "werkzeug")
_DEBUG = "Run it again with --debug to see where."
# Errors of an output that takes no more.
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
    """Fill, show, check, run and pack the secrets of a Lambda application."""


for _command in (secrets, check, invoke, layer, demo):
    _commands.add_command(_command)


def run_command(argv: Sequence[str] | None) -> int:
    """Run the command, and return its exit code: see ``core_backend.cli.main``."""
    run = Run()
    with ExitStack() as stack:
        if sys.stderr is None:  # the caller closed it
            stack.enter_context(redirect_stderr(stack.enter_context(Path(os.devnull).open("w"))))
        return _run(run, argv)


def _run(run: Run, argv: Sequence[str] | None) -> int:
    if sys.stdout is None:
        # Stop before anything is done, because the outcome could not be shown.
        _fail("standard output is closed", "Redirect it somewhere, for example to /dev/null.")
        return _FAILED
    try:
        code = _invoke(run, argv)
    except Exception as error:  # noqa: BLE001  # a traceback is shown only on request
        if run.debug:
            sys.stderr.write(run.mask.traceback(error))
        code = _report(run, error)
    try:
        # Not left to the end of the process, where a failure could not be explained.
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the pipe has seen enough.
        _give_up_output()
        return _FAILED
    except OSError as error:
        return _report(run, error)
    return code


def _invoke(run: Run, argv: Sequence[str] | None) -> int:
    try:
        code = _commands.main(argv, prog_name=_PROGRAM, standalone_mode=False, obj=run)
    except SystemExit as ended:
        # click raises it after a completion, and when the reader of a pipe has gone: then the code
        # is a number. Nothing else may end a command without a message.
        if not isinstance(ended.code, int):
            raise CommandError(f"unexpected error: {type(ended).__name__}", _DEBUG) from ended
        code = ended.code
    return code if isinstance(code, int) else 0


def _report(run: Run, error: Exception) -> int:
    """Show in one or two lines what went wrong, and return the exit code."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            sys.stderr.write(f"{error.format_message()}\n")
            return _USAGE
        case click.NoSuchOption() if not _OPTION.fullmatch(error.option_name):
            # Not shown: it may be a secret that was typed in the wrong place.
            _fail("an argument begins with a hyphen, but is not an option", _see_help(error))
            return _USAGE
        case click.UsageError():
            _fail(error.format_message(), _see_help(error))
            return _USAGE
        case click.ClickException():
            _fail(error.format_message())
        case click.Abort():
            _fail("stopped; nothing was written")
        case CoreBackendError():
            _fail(run.mask.text(str(error)))
        case ModuleNotFoundError(name=str(module)) if module.partition(".")[0] in _SERVING:
            _fail(
                f"this command needs {module}, which is not installed",
                "Install it: python -m pip install 'core_backend[cli,testing,local]'",
            )
        case OSError(errno=number, filename=None) if number in _UNWRITTEN:
            _give_up_output()
            _fail(
                f"standard output cannot be written ({error.strerror}); the command may be done",
                "Make room, or redirect it; see what was done: core-backend secrets status",
            )
        case _:
            # Its message is not shown: it may quote a value.
            _fail(f"unexpected error: {type(error).__name__}", _DEBUG)
    return _FAILED


def _see_help(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else _PROGRAM
    return f"See {path} --help."


def _fail(message: str, next_step: str = "") -> None:
    label = "Error:"
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = click.style(label, fg="red")
    sys.stderr.write("\n".join(filter(None, [f"{label} {message}", next_step])) + "\n")


def _give_up_output() -> None:
    """Point standard output to nowhere, so that Python does not try again at its end."""
    with suppress(OSError):  # in a test it may not be a file
        output = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output)
        os.close(nowhere)
