"""What helps at the keyboard: help that is there at once, examples, completion."""

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
HEAVY = ("aws_cdk", "boto3", "botocore", "moto", "rich")


@pytest.fixture(autouse=True)
def _module(declare):
    """Names to ask for."""


def shell(*arguments, **env):
    """Run the installed command without a terminal."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=dict(os.environ) | env,
        capture_output=True,
        text=True,
        check=False,
    )


def commands(group=None, path=()):
    """Walk through all commands."""
    for name, command in (group or app._commands).commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*one, id=" ".join(one[0])) for one in commands()]
)
def test_help_says_what_it_does_and_shows_an_example(run, path, command):
    result = run(*path, "--help")

    assert result.code == 0
    assert result.err == ""
    assert command.help
    if not hasattr(command, "commands"):
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
    result = shell("--version")

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


def test_without_arguments_it_helps(run):
    result = run()

    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("Usage: core-backend [OPTIONS] COMMAND")
    # Whole: the overview is what one chooses from.
    assert "..." not in result.err.partition("Commands:")[2]


def test_a_reader_that_goes_away_is_no_traceback():
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


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(kind):
    result = shell(_CORE_BACKEND_COMPLETE=f"{kind}_source")

    assert result.returncode == 0
    assert "_CORE_BACKEND_COMPLETE" in result.stdout


def complete(words, **env):
    """Return what a shell is offered for the last of ``words``."""
    result = shell(
        _CORE_BACKEND_COMPLETE="zsh_complete",
        COMP_WORDS=" ".join(["core-backend", *words[:-1]]),
        COMP_CWORD=str(len(words)),
        **env,
    )
    return list(filter(None, result.stdout.splitlines()))


def test_commands_options_and_declared_names_complete(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert complete(["secrets", ""])[1::3] == ["import", "set", "status"]
    named = ["secrets", "set", "--names", "names.py"]
    assert complete([*named, ""])[1::3] == ["stripe-api-key", "signing-key"]
    assert complete(["secrets", "set", "--names", "nowhere.py", ""]) == []
