"""The command's entry: its groups, its exit codes, and how it fails."""

from __future__ import annotations

import os
import re
import sys
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
    try:
        return _invoke(run, argv)
    except Exception as error:  # noqa: BLE001  # nobody is shown a traceback unasked
        if run.debug:
            _complain(run.masked.traceback(error))
        return _reported(run, error)


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


def _complain(text: str) -> None:
    sys.stderr.write(text)
