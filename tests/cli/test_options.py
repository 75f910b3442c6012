"""Defaults of a project, and completion with the Tab key in each shell that is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support.terminal import Terminal

SCRIPTS = sysconfig.get_path("scripts")
COMMAND = str(Path(SCRIPTS) / "core-backend")
DOCUMENT = Path(__file__).parents[2] / "docs" / "command-line.md"
COMMANDS = ["copy", "diff", "export", "get", "import", "list", "restore", "set", "status"]
NAMED = "core-backend secrets set --names names.py "


@pytest.fixture(autouse=True)
def _module(declare):
    """Names to ask for, in the working directory."""


def shell(*arguments, **env):
    """Run the installed command without a terminal."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=dict(os.environ) | env,
        capture_output=True,
        text=True,
        check=False,
    )


def secrets_of(result):
    """Return the real names that ``status`` shows."""
    return [one["secret"] for one in json.loads(result.out)]


STATUS = ("secrets", "status", "--output", "json")


@pytest.mark.parametrize("module", ["names.py", "names"])
@pytest.mark.parametrize("folder", [".", "src/deep"])
def test_the_project_names_module_and_environment(  # noqa: PLR0913, PLR0917
    account, run, tmp_path, monkeypatch, module, folder
):
    text = f'[tool.core_backend]\nnames = "{module}"\nenv = "dev"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    # A file without our table does not count.
    (tmp_path / "src").mkdir(exist_ok=True)
    (tmp_path / "src" / "pyproject.toml").write_text("[project]\n")
    monkeypatch.chdir(tmp_path / folder)
    before = sys.path[:]

    assert secrets_of(run(*STATUS)) == ["dev/stripe-api-key", "dev/signing-key"]
    assert secrets_of(run(*STATUS, "--env", "prod"))[0] == "prod/stripe-api-key"
    assert sys.path == before


def test_a_proposed_command_leaves_out_the_module_that_the_project_names(account, run, tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.core_backend]\nnames = "names.py"\n')
    account.client().create_secret(Name="dev/stripe-api-key")

    result = run("secrets", "status", "--env", "dev")

    assert result.err.endswith("core-backend secrets set stripe-api-key --env dev\n")


def test_variables_win_over_the_project_and_options_over_variables(
    account, run, tmp_path, monkeypatch
):
    (tmp_path / "pyproject.toml").write_text('[tool.core_backend]\nnames = "x.py"\nenv = "x"\n')
    monkeypatch.setenv("CORE_BACKEND_NAMES", "names.py")
    monkeypatch.setenv("CORE_BACKEND_ENV", "staging")

    assert secrets_of(run(*STATUS))[0] == "staging/stripe-api-key"
    assert secrets_of(run(*STATUS, "--env", "prod"))[0] == "prod/stripe-api-key"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.core_backend\n", "pyproject.toml cannot be read: "),
        ("[tool.core_backend]\nname = 'x'\n", "[tool.core_backend] name is not a setting"),
        ("[tool.core_backend]\nenv = 1\n", "[tool.core_backend] env is not a setting with a text"),
        ("[tool]\ncore_backend = 'x'\n", "is not a setting with a text"),
    ],
)
def test_a_wrong_project_file_is_exit_code_1(run, tmp_path, text, said):
    (tmp_path / "pyproject.toml").write_text(text)

    result = run(*STATUS)

    assert result.code == 1
    assert said in result.err.splitlines()[0]


def test_a_project_without_defaults_is_as_none(run, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.core_backend]\n")

    assert "Missing option '--names'." in run(*STATUS).err


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


def test_commands_options_and_declared_names_complete():
    assert complete(["secrets", ""])[1::3] == COMMANDS
    named = ["secrets", "set", "--names", "names.py"]
    assert complete([*named, ""])[1::3] == ["stripe-api-key", "signing-key"]
    assert complete(["secrets", "set", "--names", "nowhere.py", ""]) == []


def with_shell(name):
    there = shutil.which(name)
    return pytest.mark.skipif(there is None, reason=f"there is no {name} here")


def startup_line(file):
    """Return the line that the guide has for a shell's startup file."""
    [line] = [line for line in DOCUMENT.read_text().splitlines() if line.endswith(f"# {file}")]
    return line.removeprefix("$ ").rpartition("#")[0].strip()


def environment():
    path = os.pathsep.join([SCRIPTS, os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PS1": "ready> ", "PROMPT": "ready> "}


@with_shell("bash")
def test_bash_completes():
    # Bash takes no Tab where nobody types; what it does with it is in its manual.
    script = f"""
        {startup_line("~/.bashrc")}
        complete -p core-backend
        offer() {{
            COMPREPLY=() COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _core_backend_completion "$1"
            echo "${{COMPREPLY[@]}}"
        }}
        offer core-backend secrets ""
        offer core-backend secrets status --o
        offer {NAMED} str
    """
    done = subprocess.run(
        ["bash", "-c", script], env=environment(), capture_output=True, text=True, check=True
    )

    registered, *offered = done.stdout.splitlines()
    assert registered.endswith(" core-backend")
    assert offered == [" ".join(COMMANDS), "--output", "stripe-api-key"]


@with_shell("fish")
def test_fish_completes(tmp_path):
    script = f"""
        {startup_line("config.fish")}
        complete -C "core-backend secrets "
        complete -C "{NAMED}str"
    """
    env = {**environment(), "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        ["fish", "-c", script], env=env, capture_output=True, text=True, check=True
    )

    offered = [line.partition("\t")[0] for line in done.stdout.splitlines() if line]
    assert offered == [*COMMANDS, "stripe-api-key"]


@with_shell("zsh")
def test_zsh_completes(tmp_path):
    env = {**environment(), "HOME": str(tmp_path)}
    with Terminal(["zsh", "-f", "-i"], env=env, cwd=str(tmp_path)) as person:
        for line in startup_line("~/.zshrc").split(";"):
            person.expect("ready> ")
            person.type(f"{line.strip()}\r")
        person.expect("ready> ")
        person.type(f"{NAMED}str\t")
        person.expect("stripe-api-key")
