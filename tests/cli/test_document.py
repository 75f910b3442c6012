"""docs/command-line.md: each command prints what the document shows."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from support.consoles import consoles, normal
from support.documents import Document

DOCUMENT = Path(__file__).parents[2] / "docs" / "command-line.md"
SECRET = "pl4nted-of-the-document"


def template():
    """Return a template that forgot to grant the database's password."""
    resources = {
        "Database": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "dev/database"}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
        "Charge": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "handler.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Environment": {"Variables": {"DATABASE": {"Ref": "Database"}}},
            },
        },
    }
    return json.dumps({"Resources": resources})


def write_files(folder):
    """Write what the document's reader has: its Python, and the files that commands name."""
    Document(DOCUMENT).write_files(folder)
    values = {
        "stripe-api-key": "pl4nted-12ch",
        "DATABASE": {"username": "shop", "password": SECRET},
    }
    for name, content in {
        "values.json": json.dumps(values),
        "signing-key.pem": SECRET,
        "database.json": SECRET,
        "event.json": '{"amount": 12}',
        "cdk.out/Shop.template.json": template(),
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


def output_of(shown, run, stdin, terminal):
    """Run a command as the document shows it, and return what it printed."""
    command, _, file = shown.command.partition(" < ")
    arguments = shlex.split(command)[1:]
    if "(not shown)" in shown.output:
        with terminal(*arguments, NO_COLOR="1") as person:
            for prompt in ("(not shown): ", "The same again: "):
                person.expect(prompt)
                person.type(f"{SECRET}\r")
            person.wait()
        assert SECRET not in person.output
        return person.output
    if "layer" in arguments:
        # Python 3.13, for which it is bytecode there, may not be the one here.
        arguments += ["--python", f"{sys.version_info.major}.{sys.version_info.minor}"]
    if "demo" in arguments:
        # The wheel has an example of its own; a checkout has it here.
        arguments.append(str(DOCUMENT.parents[1] / "examples" / "charges"))
    stdin(Path(file).read_bytes() if file else b"")
    result = run(*arguments)
    return result.out + result.err


def test_each_command_prints_what_the_document_shows(account, run, stdin, terminal, tmp_path):
    write_files(tmp_path)
    for name in ("stripe-api-key", "signing-key"):
        account.client().create_secret(Name=f"dev/{name}")
    commands = consoles(DOCUMENT.read_text())
    assert len(commands) > 5

    for secret_id, value in (("stripe-api-key", ""), ("signing-key", ""), ("database", "pl4nted")):
        parameters = {"SecretString": value} if value else {}
        account.client().create_secret(Name=f"staging/{secret_id}", **parameters)

    for number, shown in enumerate(commands):
        # As the text around them has it: a stack is deployed, a permission is missing.
        if "set database" in shown.command:
            account.client().create_secret(Name="dev/database")
        elif " restore database" in shown.command:
            account.client().delete_secret(SecretId="dev/database")
        elif " list " in shown.command:
            account.client().create_secret(Name="dev/mailer")
            account.client().delete_secret(SecretId="dev/mailer")
        imports = [one.command for one in commands[: number + 1]].count(shown.command)
        if " import " in shown.command:
            account.relent()
            if imports == 1:
                account.refuse("PutSecretValue", "dev/database", "AccessDeniedException")

        printed = output_of(shown, run, stdin, terminal)

        assert normal(printed) == normal(shown.output), shown.command
