"""The ``core-backend`` command: fill, see, check, run and pack. Extra ``cli``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    Args:
        argv: The arguments, without the program's name; by default those of the process.

    Returns:
        0: it did what it was asked. 1: it could not, or what it looked at is not in order. 2: it
        was not called as its help says.
    """
    # pip installs the script with the base package as well, whatever extras were asked for.
    if find_spec("click") is None:
        sys.stderr.write(
            "Error: the command line is an extra of its own, which is not installed\n"
            "Install it: python -m pip install 'core_backend[cli]'\n"
        )
        return 1
    from core_backend.cli.app import run_command  # noqa: PLC0415  # which needs the extra

    return run_command(argv)
