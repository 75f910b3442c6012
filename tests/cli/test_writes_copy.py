"""``secrets copy``: the values of one environment, written into another."""

from __future__ import annotations

import json

import pytest
from support.plans import plan_of

COPY = ("secrets", "copy", "dev", "prod")
NAMES = ("--names", "names.py")
PLACE = "account 123456789012, eu-west-1"


@pytest.fixture(autouse=True)
def _module(three_names, stdin):
    """Three names, and no terminal."""


@pytest.fixture
def two_set(account):
    """An account in which two secrets are set in dev, and one of these is empty in prod."""
    client = account.client()
    client.create_secret(Name="dev/stripe-api-key", SecretString="pl4nted-1")
    client.create_secret(Name="dev/signing-key", SecretBinary=b"pl4nted-2")
    client.create_secret(Name="prod/stripe-api-key")
    return account


def test_values_are_copied_after_a_plan(two_set, run):
    result = run(*COPY, *NAMES, "--create", "--yes")

    assert result.code == 1
    assert plan_of(result) == [
        ("stripe-api-key", "empty", "create"),
        ("signing-key", "missing", "create"),
    ]
    assert result.out.endswith("\nWrote 2 secrets.\n")
    assert result.err.startswith(f"Left out: db (missing)\n\nMissing in {PLACE}: dev/db\n")
    assert two_set.value_of("prod/stripe-api-key") == "pl4nted-1"
    assert two_set.value_of("prod/signing-key") == b"pl4nted-2"


def test_only_the_named_secrets_are_copied(two_set, run):
    result = run(*COPY, "stripe-api-key", "STRIPE_API_KEY", *NAMES, "--yes")

    assert (result.code, result.err) == (0, "")
    assert plan_of(result) == [("stripe-api-key", "empty", "create")]


def test_without_yes_or_a_terminal_nothing_is_copied(two_set, run):
    result = run(*COPY, "stripe-api-key", *NAMES)

    assert result.code == 1
    assert result.err.startswith("Error: nothing was written\n")
    assert two_set.is_empty("prod/stripe-api-key")


def test_where_there_is_no_value_nothing_is_copied(account, run):
    result = run(*COPY, "db", *NAMES)

    assert result.code == 1
    assert "Error: there is no value to copy from environment dev\n" in result.err


def test_a_copy_may_go_to_another_region(two_set, run):
    result = run(*COPY, "stripe-api-key", *NAMES, "--to-region", "eu-north-1")

    assert result.code == 1
    assert plan_of(result)[0][-1] == (
        "prod/stripe-api-key does not exist in account 123456789012, eu-north-1"
    )


def test_json_output_has_the_plan(two_set, run):
    result = run(*COPY, "stripe-api-key", *NAMES, "--yes", "--output", "json")

    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == [
        {
            "name": "stripe-api-key",
            "secret": "prod/stripe-api-key",
            "state": "empty",
            "action": "create",
        }
    ]
    again = run(*COPY, "stripe-api-key", *NAMES, "--output", "json")
    assert [one["action"] for one in json.loads(again.out)] == ["unchanged"]


def test_an_unknown_name_is_exit_code_2(account, run):
    result = run(*COPY, "nope", *NAMES)

    assert result.code == 2
    assert "names.py declares no secret 'nope'" in result.err
