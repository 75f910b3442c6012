"""The command as a whole: exit codes, AWS options, and how errors are shown."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path

import click
import pytest

from core_backend.cli import main

COMMAND = str(Path(sysconfig.get_path("scripts")) / "core-backend")
STATUS = ("secrets", "status", "--names", "names.py", "--env", "dev")
HEAVY = ("boto3", "botocore", "moto", "rich", "aws_cdk")


@pytest.fixture(autouse=True)
def _module(declare):
    """Names to ask for."""


def test_without_argv_the_process_arguments_are_used(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["core-backend", "--version"])

    assert main() == 0
    assert capsys.readouterr().out.startswith("core-backend ")


@pytest.mark.parametrize(
    ("arguments", "said", "where"),
    [
        (("secrets", "status"), "Missing option '--names'.", "core-backend secrets status"),
        (("secrets", "--nmaes"), "No such option '--nmaes'.", "core-backend secrets"),
        ((*STATUS, "--env", "a b"), "Invalid value for '--env': ", "core-backend secrets status"),
        (("secrets", "status", "--names", "x.py"), "there is no file x.py", "secrets status"),
        ((*STATUS, "--output", "xml"), "'xml' is not one of 'table', 'json'.", "secrets status"),
    ],
)
def test_a_wrong_call_is_exit_code_2_and_two_lines(run, arguments, said, where):
    result = run(*arguments)

    assert result.code == 2
    assert result.out == ""
    first, second = result.err.splitlines()
    assert first.startswith("Error: ")
    assert said in first
    assert second.startswith("See ")
    assert second.endswith(f"{where} --help.")


@pytest.mark.parametrize(
    ("command", "given", "missing"),
    [
        ("secrets status", ("--names", "names.py"), "--env"),
        ("secrets status", ("--env", "dev"), "--names"),
        ("secrets set", ("stripe-api-key", "--names", "names.py"), "--env"),
        ("secrets set", ("stripe-api-key", "--env", "dev"), "--names"),
        ("secrets import", ("names.py", "--names", "names.py"), "--env"),
        ("secrets import", ("names.py", "--env", "dev"), "--names"),
        ("check", ("--names", "names.py", "--handler", "names.py"), "--template"),
        ("check", ("--template", "names.py", "--handler", "names.py"), "--names"),
        ("layer", (), "-o' / '--output"),
    ],
)
def test_a_missing_required_option_is_named(run, command, given, missing):
    result = run(*command.split(), *given)

    assert result.code == 2
    assert result.err == (
        f"Error: Missing option '{missing}'.\nSee core-backend {command} --help.\n"
    )


@pytest.mark.parametrize(
    "arguments", [("--region", "eu-north-1", *STATUS), (*STATUS, "--region", "eu-north-1")]
)
def test_the_region_may_come_before_or_after_the_command(account, run, arguments):
    other = account.client().meta.region_name
    account.client().create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")
    assert other != "eu-north-1"

    states = [one["state"] for one in json.loads(run(*arguments, "--output", "json").out)]

    assert states == ["missing", "missing"]


def test_the_option_after_the_command_wins(account, run):
    account.client().create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")

    arguments = ("--region", "eu-north-1", *STATUS, "--region", "eu-west-1", "--output", "json")
    states = [one["state"] for one in json.loads(run(*arguments).out)]

    assert states == ["set", "missing"]


def test_endpoint_and_profile_are_used(account, run, tmp_path, monkeypatch):
    (tmp_path / "config").write_text("[profile staging]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for key in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(key)
    account.client().create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")
    credentials = "[staging]\naws_access_key_id = testing\naws_secret_access_key = pl4nted\n"
    (tmp_path / "credentials").write_text(credentials)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    result = run(*STATUS, "--profile", "staging", "--endpoint-url", account.url)

    assert result.code == 1
    assert "dev/stripe-api-key  set" in result.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--profile", "nobody"), "there is no AWS profile 'nobody'"),
        (("--region", "a b"), "'a b' is not a Region"),
        (("--endpoint-url", "http://192.0.2.1:1"), "over plain http"),
        (("--endpoint-url", "127.0.0.1:1"), "the endpoint is not a URL that can be used"),
        (("--endpoint-url", "http://127.0.0.1:1"), "http://127.0.0.1:1/ does not answer"),
    ],
)
def test_a_failure_to_reach_aws_is_two_lines(account, run, arguments, said):
    result = run(*STATUS, *arguments)

    assert result.code == 1
    assert result.out == ""
    assert said in result.err
    assert len(result.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (("AWS_REGION", "AWS_DEFAULT_REGION"), "there is no Region"),
        (
            ("AWS_SECRET_ACCESS_KEY",),
            "there are no AWS credentials to use (PartialCredentialsError)",
        ),
        (
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            "there are no AWS credentials to use (NoCredentialsError)",
        ),
    ],
)
def test_a_missing_region_or_credential_is_named(account, run, monkeypatch, missing, said):
    for key in missing:
        monkeypatch.delenv(key)

    result = run(*STATUS)

    assert result.code == 1
    assert said in result.err


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_REGION": "eu-west-1"},
        {"AWS_DEFAULT_REGION": "eu-west-1"},
        {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"},
    ],
)
def test_either_variable_sets_the_region(account, run, monkeypatch, variables):
    for key in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(key)
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    account.client().create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")

    assert "dev/stripe-api-key  set" in run(*STATUS).out


def test_an_unexpected_error_is_shown_without_its_message(account, run, monkeypatch):
    def broken(module, folder):
        raise ZeroDivisionError("pl4nted")

    monkeypatch.setattr("core_backend.cli.options.load_declarations", broken)

    result = run(*STATUS)

    assert result.code == 1
    assert result.err.splitlines() == [
        "Error: unexpected error: ZeroDivisionError",
        "Run it again with --debug to see where.",
    ]


def test_debug_shows_where_a_names_module_fails(run, declare):
    declare("import json\njson.loads('{')")

    result = run("--debug", *STATUS)

    assert result.code == 1
    assert "names.py" in result.err
    assert "JSONDecodeError" in result.err
    assert "Traceback (most recent call last)" in result.err


def test_a_file_that_click_cannot_open_is_a_failure(run, monkeypatch):
    def broken(module, folder):
        raise click.FileError("names.py", "Permission denied")

    monkeypatch.setattr("core_backend.cli.options.load_declarations", broken)

    result = run(*STATUS)

    assert result.code == 1
    assert "Permission denied" in result.err


def test_an_error_is_red_on_a_terminal(terminal, environ):
    with terminal("nonsense") as shown:
        assert shown.wait() == 2
    assert "\x1b[31mError:\x1b[0m No such command" in shown.output

    with terminal("nonsense", NO_COLOR="1") as shown:
        assert shown.wait() == 2
    assert "\x1b" not in shown.output


@pytest.mark.parametrize("module", ["boto3", "click", "dotenv", "rich"])
def test_the_missing_extra_is_named(capsys, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)

    assert main(["--help"]) == 1
    assert capsys.readouterr().err == (
        "Error: the command line needs the extra cli, which is not installed\n"
        "Install it: python -m pip install 'core_backend[cli]'\n"
    )


def test_another_missing_module_is_an_unexpected_error(run, monkeypatch):
    def broken(module, folder):
        raise ModuleNotFoundError("No module named 'pl4nted'", name="pl4nted")

    monkeypatch.setattr("core_backend.cli.options.load_declarations", broken)

    assert "unexpected error: ModuleNotFoundError" in run(*STATUS).err


@pytest.mark.parametrize("code", ["pl4nted", None])
def test_a_system_exit_without_a_number_is_an_unexpected_error(run, monkeypatch, code):
    def ends(module, folder):
        raise SystemExit(code)

    monkeypatch.setattr("core_backend.cli.options.load_declarations", ends)

    result = run(*STATUS)

    assert result.code == 1
    assert result.err.startswith("Error: unexpected error: SystemExit\n")
