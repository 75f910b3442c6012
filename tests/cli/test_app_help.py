"""Help appears at once, and has examples."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from core_backend.cli import app

COMMAND = str(Path(sysconfig.get_path("scripts")) / "core-backend")
HEAVY = ("aws_cdk", "boto3", "botocore", "core_backend.deploy", "moto", "rich")


@pytest.fixture(autouse=True)
def _module(declare):
    """Names to ask for."""


def commands(group=None, path=()):
    """Walk through all commands."""
    for name, command in (group or app._commands).commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*one, id=" ".join(one[0])) for one in commands()]
)
def test_help_describes_the_command_and_shows_an_example(run, path, command):
    result = run(*path, "--help")

    assert result.code == 0
    assert result.err == ""
    assert command.help
    assert f"  core-backend {' '.join(path)}" in result.out
    for option in ("--profile", "--region", "--endpoint-url", "--debug"):
        assert option in result.out


def test_help_loads_nothing_heavy():
    program = (
        "import sys; from core_backend.cli import main; code = main(['--help']);"
        f"heavy = [name for name in {HEAVY} if name in sys.modules];"
        "sys.exit(str(heavy) if heavy or code else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (result.returncode, result.stderr) == (0, "")


def test_the_installed_command_is_the_same():
    result = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=False)

    version = importlib.metadata.version("core_backend")
    assert (result.returncode, result.stdout) == (0, f"core-backend {version}\n")


def test_it_runs_as_a_module_too():
    result = subprocess.run(
        [sys.executable, "-m", "core_backend.cli", "nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 2
    assert result.stderr == "Error: No such command 'nonsense'.\nSee core-backend --help.\n"


def test_without_arguments_help_is_shown(run):
    result = run()

    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("Usage: core-backend [OPTIONS] COMMAND")
    # Whole: the overview is what one chooses from.
    assert "..." not in result.err.partition("Commands:")[2]


def test_a_reader_that_has_gone_gives_no_traceback():
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = subprocess.run(
        [COMMAND, "--help"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write_end)

    assert result.returncode == 1
    assert result.stderr == ""
