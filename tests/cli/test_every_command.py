"""Each command has a row and an executed example in the document, JSON, and three exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.consoles import consoles

from core_backend.cli import app

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "command-line.md").read_text()
EXAMPLE = ROOT / "examples" / "charges"
DEV = "--names names.py --env dev --output json"

# How each command is called so that it succeeds, if the account has the secrets.
CALLS = {
    "secrets status": DEV,
    "secrets set": f"key {DEV} --yes",
    "secrets import": f"values.json {DEV} --yes",
    "secrets get": f"key {DEV}",
    "secrets export": f"new.env {DEV}",
    "secrets diff": "dev same --names names.py --output json",
    "secrets copy": "dev same --names names.py --yes --output json",
    "secrets list": DEV,
    "secrets restore": f"key {DEV}",
    "check": "--template good.json --handler handler.py --names names.py --output json",
    "invoke": "handler.handler --output json",
    "layer": "-o layer.zip --json",
    "demo": f"{EXAMPLE} --json",
}
# How it is called so that it fails. The others are called the same, without the secrets.
FAILING = {
    "check": CALLS["check"].replace("good", "bad"),
    "invoke": "broken.handler --output json",
    "layer": "-o no-folder/layer.zip --json",
    "demo": "broken --json",
}


def names_of(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from names_of(command, (*path, name))
        else:
            yield " ".join((*path, name))


COMMANDS = [*names_of(app._commands)]


def template(handler):
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Handler": handler}}
    return json.dumps({"Resources": {"Function": function}})


@pytest.fixture
def call(account, declare, run, stdin):
    declare('from core_backend import SecretName\nKEY = SecretName("key")')
    declare("def handler(event, context):\n    return 1", "handler.py")
    declare("raise OSError", "broken.py")
    declare("raise OSError", "broken/handler.py")
    declare("", "broken/secret_names.py")
    declare('{"key": "pl4nted"}', "values.json")
    declare(template("handler.handler"), "good.json")
    declare(template("handler.charge"), "bad.json")

    def call(command, arguments):
        stdin("pl4nted")
        return run(*command.split(), *arguments.split())

    return call


def test_each_command_is_called_here():
    assert [*CALLS] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_it_has_a_row_and_an_executed_example_in_the_document(command):
    assert f"\n| `core-backend {command}` | " in DOCUMENT
    executed = [f"{shown.command} " for shown in consoles(DOCUMENT)]
    assert [line for line in executed if line.startswith(f"core-backend {command} ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_success_is_exit_code_0_and_its_output_can_be_json(account, call, command):
    for environment in ("dev", "same"):
        account.client().create_secret(Name=f"{environment}/key", SecretString="pl4nted")
    if "restore" in command:
        account.client().delete_secret(SecretId="dev/key")

    result = call(command, CALLS[command])

    assert result.code == 0, result.err
    assert json.loads(result.out) is not None


@pytest.mark.parametrize("command", COMMANDS)
def test_a_failure_is_exit_code_1(account, call, command):
    account.refuse("ListSecrets", None, "AccessDeniedException")

    result = call(command, FAILING.get(command, CALLS[command]))

    assert result.code == 1, result.out + result.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_call_is_exit_code_2(call, command):
    result = call(command, f"{CALLS[command]} --nonsense")

    assert result.code == 2
    assert result.out == ""
