"""The ``core-backend`` command: it shows, fills, checks, runs and packs. Extra: ``cli``.

``app`` puts the commands together, and turns every failure into an exit code and two lines.
``commands/`` has the commands as a shell sees them: arguments, options and help. A command
imports the module that does its work when it is called, so that help appears at once:

- ``status``: which secrets there are, and what is known about them
- ``reads``: values out of Secrets Manager: get, export, diff
- ``writes``: values into Secrets Manager, by hand, from a file or from another environment
- ``local_run``: a handler run on this machine

Below these are ``values`` and ``terminal`` (where a value comes from), ``declarations`` (the module
of names) and ``real_names`` (which secret each name stands for), ``aws`` and ``failures`` (Secrets
Manager), ``options``, ``output`` and ``run``.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_EXTRA = ("boto3", "click", "dotenv", "rich")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    Args:
        argv: The arguments, without the program's name; by default those of the process.

    Returns:
        0: it did what it was asked to do. 1: it could not, or it found something that is not in
        order. 2: the call was wrong; see the command's help.
    """
    # pip installs the script with the base package, even without this extra. Other packages may
    # have brought a part of it.
    if not all(map(find_spec, _EXTRA)):
        sys.stderr.write(
            "Error: the command line needs the extra cli, which is not installed\n"
            "Install it: python -m pip install 'core_backend[cli]'\n"
        )
        return 1
    from core_backend.cli.app import run_command  # noqa: PLC0415  # it needs the extra

    return run_command(argv)
