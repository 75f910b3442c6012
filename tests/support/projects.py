"""Projects of users, whose tests are run as users run them: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Run", "run_python", "run_tests"]

# Users do not set PYTHONSAFEPATH; tox does it here.
_OURS = ("AWS_", "CORE_BACKEND_", "PYTEST_", "PYTHONSAFEPATH")


class Run(NamedTuple):
    """What a run of tests came to."""

    status: int
    output: str


def run_tests(folder: Path, *options: str, **files: str) -> Run:
    """Write the files, each with ``.py`` to its name, and run pytest on them."""
    settings = folder / "pytest.ini"
    if not settings.exists():
        settings.write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return run_python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options)


def run_python(folder: Path, *arguments: str) -> Run:
    """Run Python in a folder, without the AWS settings of this machine."""
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if not key.startswith(_OURS)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Run(result.returncode, result.stdout + result.stderr)
