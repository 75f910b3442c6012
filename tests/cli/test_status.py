"""``secrets status``: which secrets are set, empty or missing."""

from __future__ import annotations

import json
import re
import threading

import pytest
from moto.secretsmanager.models import secretsmanager_backends

NAMES = """
    from core_backend import SecretName

    STRIPE_API_KEY = SecretName("stripe-api-key")
"""
PLACE = "account 123456789012, eu-west-1"
STATUS = ("secrets", "status", "--names", "names.py", "--env", "dev")


@pytest.fixture(autouse=True)
def _module(declare):
    """Names to ask for."""


def test_all_set_is_exit_code_0(account, run):
    client = account.client()
    client.create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")
    client.create_secret(Name="dev/signing-key", SecretBinary=b"pl4nted-2")

    result = run(*STATUS)

    assert result.code == 0
    assert result.err == ""
    assert account.fetches == ()


def test_each_state_is_shown(account, declare, run):
    declare("""
        from core_backend import SecretName

        SET = SecretName("is-set")
        EMPTY = SecretName("is-empty")
        MISSING = SecretName("is-missing")
        DELETED = SecretName("is-deleted")
        DENIED = SecretName("is-denied")
    """)
    client = account.client()
    version = client.create_secret(Name="dev/is-set", SecretString="pl4nted-1")["VersionId"]
    client.create_secret(Name="dev/is-empty")
    client.create_secret(Name="dev/is-deleted", SecretString="pl4nted-2")
    client.delete_secret(SecretId="dev/is-deleted")
    account.refuse("DescribeSecret", "dev/is-denied", "AccessDeniedException")

    result = run(*STATUS)

    assert result.code == 1
    header, *rows = [re.split(r"\s{2,}", line) for line in result.out.splitlines()]
    assert header == ["NAME", "SECRET", "STATE", "CHANGED", "ROTATED", "VERSION"]
    assert [row[:3] for row in rows] == [
        ["is-set", "dev/is-set", "set"],
        ["is-empty", "dev/is-empty", "empty"],
        ["is-missing", "dev/is-missing", "missing"],
        ["is-deleted", "dev/is-deleted", "pending deletion"],
        ["is-denied", "dev/is-denied", "denied"],
    ]
    assert rows[0][3].endswith("Z")
    assert rows[0][4:] == ["-", version[:8]]
    assert result.err.splitlines()[-1] == (
        "Fill the next one: core-backend secrets set is-empty --names names.py --env dev"
    )


def test_the_proposed_command_repeats_the_options(account, run, declare):
    declare(NAMES, "their names.py")
    account.client().create_secret(Name="dev/stripe-api-key")
    options = ("--region", account.client().meta.region_name, "--endpoint-url", account.url)

    result = run(*options[:2], *STATUS, "--names", "their names.py", *options[2:])

    assert result.err.splitlines()[-1] == (
        "Fill the next one: core-backend secrets set stripe-api-key --names 'their names.py' "
        f"--env dev {' '.join(options)}"
    )


def test_for_a_missing_secret_a_deployment_is_proposed(account, run):
    account.client().create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")

    result = run(*STATUS)

    assert result.code == 1
    assert result.err.startswith(
        "\nMissing in account 123456789012, eu-west-1: dev/signing-key\n"
        "Deploy the stack that creates them, "
    )


def test_a_secret_without_a_current_version_is_empty(account, run):
    client = account.client()
    for name in ("dev/stripe-api-key", "dev/signing-key"):
        client.create_secret(Name=name, SecretString="pl4nted-1")
    # What a rotation leaves behind that failed before its first end.
    client.update_secret_version_stage(
        SecretId="dev/signing-key",
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=client.describe_secret(SecretId="dev/signing-key")[
            "VersionIdsToStages"
        ].popitem()[0],
    )

    states = [one["state"] for one in json.loads(run(*STATUS, "--output", "json").out)]

    assert states == ["set", "empty"]


def test_json_output_has_every_field(account, run):
    client = account.client()
    version = client.create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")["VersionId"]

    result = run(*STATUS, "--output", "json")

    assert result.code == 1
    assert result.err == ""
    stripe, signing = json.loads(result.out)
    assert stripe.pop("last_changed").endswith("+00:00")
    assert stripe == {
        "name": "stripe-api-key",
        "secret": "dev/stripe-api-key",
        "state": "set",
        "last_rotated": None,
        "version": version,
    }
    assert signing == {
        "name": "signing-key",
        "secret": "dev/signing-key",
        "state": "missing",
        "last_changed": None,
        "last_rotated": None,
        "version": None,
    }


def test_several_shapes_of_one_secret_are_one_row(account, declare, run):
    declare("""
        from core_backend import SecretName

        DB = SecretName("db")
        DB_PASSWORD = DB.field("password")
    """)
    account.client().create_secret(Name="dev/db", SecretString="{}")

    assert len(json.loads(run(*STATUS, "--output", "json").out)) == 1


def test_many_are_looked_up_at_once(account, declare, run):
    names = [f"name-{number}" for number in range(12)]
    lines = [f"N{number} = SecretName({name!r})" for number, name in enumerate(names)]
    declare("\n".join(["from core_backend import SecretName", *lines]))
    together = threading.Barrier(10, timeout=10)
    for name in names[:10]:
        account.before("DescribeSecret", f"dev/{name}", together.wait)

    result = run(*STATUS, "--output", "json")

    assert [one["name"] for one in json.loads(result.out)] == names
    assert result.err == ""


def test_refused_credentials_end_the_command(account, run):
    account.refuse("DescribeSecret", "dev/signing-key", "ExpiredTokenException", "pl4nted-message")

    result = run(*STATUS)

    assert result.code == 1
    assert result.out == ""
    assert result.err.splitlines() == [
        "Error: AWS refused the credentials (ExpiredTokenException)",
        "Log in (aws sso login, or aws configure), or name another --profile.",
    ]


def test_on_a_terminal_there_are_colours_and_a_bar(account, declare, terminal):
    names = [f"name-{number}" for number in range(10)]
    lines = [f"N{number} = SecretName({name!r})" for number, name in enumerate(names)]
    declare("\n".join(["from core_backend import SecretName", *lines]))
    account.client().create_secret(Name="dev/name-0", SecretString="pl4nted-1")

    with terminal(*STATUS) as shown:
        assert shown.wait() == 1

    assert "Looking up" in shown.output
    assert "10/10" in shown.output
    assert "\x1b[32mset" in shown.output
    assert "pl4nted" not in shown.output


def test_no_color_makes_a_terminal_plain(account, terminal):
    account.client().create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")

    with terminal(*STATUS, NO_COLOR="1") as shown:
        assert shown.wait() == 1

    assert "\x1b" not in shown.output
    assert "dev/stripe-api-key" in shown.output


def test_verify_checks_each_value(account, declare, run):
    declare("""
        from core_backend import SecretName

        OK = SecretName("is-ok")
        JSON = SecretName("is-json").json()
        WRONG = SecretName("is-wrong").json()
        PADDED = SecretName("is-padded")
        PEM = SecretName("is-pem")
        GENERATED = SecretName("is-generated")
        BINARY = SecretName("is-binary").binary()
        DENIED = SecretName("is-denied")
        EMPTY = SecretName("is-empty")
    """)
    client = account.client()
    for name, value in {
        "is-ok": "pl4nted",
        "is-json": '{"password": "pl4nted"}\n',
        "is-wrong": "pl4nted",
        "is-padded": "pl4nted\n",
        "is-pem": "-----BEGIN KEY-----\npl4nted\n-----END KEY-----\n",
        "is-denied": "pl4nted",
    }.items():
        client.create_secret(Name=f"dev/{name}", SecretString=value)
    tags = [{"Key": "aws:cloudformation:stack-name", "Value": "shop"}]
    client.create_secret(Name="dev/is-generated", SecretString="pl4nted", Tags=tags)
    client.create_secret(Name="dev/is-binary", SecretBinary=b"pl4nted\n", Tags=tags)
    client.create_secret(Name="dev/is-empty", Tags=tags)
    account.refuse("GetSecretValue", "dev/is-denied", "AccessDeniedException")

    result = run(*STATUS, "--verify")

    assert result.code == 1
    header, *rows = [re.split(r"\s{2,}", line) for line in result.out.splitlines()]
    assert header[-1] == "VALUE"
    assert {row[0]: row[-1] for row in rows} == {
        "is-ok": "ok",
        "is-json": "ok",
        "is-wrong": "secret 'is-wrong': it is not JSON; check what was stored, or declare its name "
        "as plain text",
        "is-padded": "begins or ends with white space",
        "is-pem": "ok",
        "is-generated": "still the value that its stack generated",
        "is-binary": "ok",
        "is-denied": "may not be read",
        "is-empty": "-",
    }


def test_verify_without_a_fault_is_exit_code_0(account, run):
    tags = [{"Key": "aws:cloudformation:stack-name", "Value": "shop"}]
    client = account.client()
    client.create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")
    client.create_secret(Name="dev/signing-key", SecretString="pl4nted-2", Tags=tags)

    result = run(*STATUS, "--verify", "--output", "json")

    assert result.code == 0
    assert [one["value"] for one in json.loads(result.out)] == [
        "ok",
        "still the value that its stack generated",
    ]


def test_a_value_that_was_filled_later_is_not_the_one_of_its_stack(account, run):
    tags = [{"Key": "aws:cloudformation:stack-name", "Value": "shop"}]
    for name in ("dev/stripe-api-key", "dev/signing-key"):
        account.client().create_secret(Name=name, SecretString="pl4nted", Tags=tags)
    # A day ago, without waiting for one.
    backend = secretsmanager_backends["123456789012"]["eu-west-1"]
    backend.secrets["dev/stripe-api-key"].created_date -= 86_400

    result = run(*STATUS, "--verify", "--output", "json")

    assert [one["value"] for one in json.loads(result.out)] == [
        "ok",
        "still the value that its stack generated",
    ]


LIST = ("secrets", "list", "--names", "names.py", "--env", "dev")


def test_list_shows_what_nobody_declares(account, run):
    client = account.client()
    for name in ("dev/stripe-api-key", "dev/stripe", "dev/old", "devel/x", "prod/stripe"):
        client.create_secret(Name=name, SecretString="pl4nted")
    client.delete_secret(SecretId="dev/old")

    result = run(*LIST)

    assert (result.code, result.err) == (0, "")
    assert [re.split(r"\s{2,}", line)[:2] for line in result.out.splitlines()] == [
        ["SECRET", "STATE"],
        ["dev/old", "pending deletion"],
        ["dev/stripe", "set"],
    ]
    [_, stripe] = json.loads(run(*LIST, "--output", "json").out)
    assert stripe.pop("version")
    assert stripe.pop("last_changed").endswith("+00:00")
    assert stripe == {"secret": "dev/stripe", "state": "set", "last_rotated": None}


def test_list_without_others_says_so(account, run):
    assert run(*LIST).out == (f"names.py declares every secret under dev/ in {PLACE}.\n")


RESTORE = ("secrets", "restore", "stripe-api-key", "--names", "names.py", "--env", "dev")


def test_restore_takes_back_a_deletion(account, run):
    client = account.client()
    client.create_secret(Name="dev/stripe-api-key", SecretString="pl4nted")
    client.delete_secret(SecretId="dev/stripe-api-key")

    result = run(*RESTORE)

    assert (result.code, result.out) == (0, "dev/stripe-api-key is restored.\n")
    assert account.value_of("dev/stripe-api-key") == "pl4nted"
    result = run(*RESTORE)
    assert (result.code, result.out) == (
        0,
        "dev/stripe-api-key is not marked for deletion; nothing to do.\n",
    )
    assert json.loads(run(*RESTORE, "--output", "json").out) == {
        "name": "stripe-api-key",
        "secret": "dev/stripe-api-key",
        "restored": False,
    }


def test_a_secret_that_does_not_exist_cannot_be_restored(account, run):
    result = run(*RESTORE)

    assert result.code == 1
    assert f"dev/stripe-api-key does not exist in {PLACE}" in result.err


def test_a_refusal_to_restore_is_reported(empty, run):
    empty.refuse("DescribeSecret", "dev/stripe-api-key", "AccessDeniedException")
    empty.refuse("RestoreSecret", "dev/stripe-api-key", "AccessDeniedException")

    result = run(*RESTORE)

    assert result.code == 1
    assert "may not call RestoreSecret on dev/stripe-api-key" in result.err


def test_without_the_token_service_a_message_names_the_region(account, run):
    account.refuse_path("/", "AccessDeniedException")
    result = run(*LIST)

    assert result.out == "names.py declares every secret under dev/ in this account, eu-west-1.\n"
