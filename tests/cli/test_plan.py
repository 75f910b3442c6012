"""The plan of an import: what would be created, replaced, left alone, and what cannot be."""

from __future__ import annotations

import pytest
from support.plans import IDS, plan_of


@pytest.fixture(autouse=True)
def _module(three_names, stdin):
    """Three names, and no terminal."""


def test_the_plan_tells_what_would_change(account, run, to_import):
    client = account.client()
    client.create_secret(Name=IDS["STRIPE_API_KEY"], SecretString="pl4nted-old")
    client.create_secret(Name=IDS["SIGNING_KEY"], SecretString="pl4nted-2")
    arguments = to_import("STRIPE_API_KEY=pl4nted-new\nSIGNING_KEY=pl4nted-2\nDB=pl4nted-3")

    result = run(*arguments, "--create", "--yes")

    assert result.code == 0
    assert plan_of(result) == [
        ("stripe-api-key", "set", "replace"),
        ("signing-key", "set", "unchanged"),
        ("db", "missing", "create"),
    ]
    assert result.out.endswith("Wrote 2 secrets.\n")
    assert account.value_of(IDS["STRIPE_API_KEY"]) == "pl4nted-new"
    assert account.value_of(IDS["DB"]) == "pl4nted-3"
    written = [call.secret_id for call in account.calls if call.operation == "PutSecretValue"]
    assert written == [IDS["STRIPE_API_KEY"]]


@pytest.mark.parametrize(
    ("given", "current", "planned"),
    [
        ({"a": "pl4nted", "b": [1]}, '{"b":[1],\n"a":"pl4nted"}', "unchanged"),
        ({"a": "pl4nted"}, '{"a": "pl4nted-2"}', "replace"),
        ({"a": "pl4nted"}, "pl4nted", "replace"),
        ({"a": "pl4nted"}, b'{"a": "pl4nted"}', "unchanged"),
        ({"a": "pl4nted"}, "[" * 200_000, "replace"),
        ('{"a":"pl4nted"}', '{"a": "pl4nted"}', "replace"),
        ("pl4nted", b"pl4nted", "replace"),
    ],
)
def test_of_a_json_value_the_spelling_means_nothing(  # noqa: PLR0913, PLR0917
    account, run, to_import, given, current, planned
):
    kind = "SecretBinary" if isinstance(current, bytes) else "SecretString"
    account.client().create_secret(Name=IDS["DB"], **{kind: current})

    assert plan_of(run(*to_import({"db": given}, "values.json"))) == [("db", "set", planned)]


@pytest.mark.parametrize("code", ["AccessDeniedException", "DecryptionFailure"])
def test_what_may_not_be_read_may_still_be_written(three_empty, run, to_import, code):
    three_empty.client().put_secret_value(SecretId=IDS["DB"], SecretString="pl4nted-old")
    three_empty.refuse("GetSecretValue", IDS["DB"], code)

    result = run(*to_import("DB=pl4nted-new"), "--yes")

    assert plan_of(result) == [("db", "set", "replace", "not compared: it may not be read")]
    three_empty.relent()
    assert three_empty.value_of(IDS["DB"]) == "pl4nted-new"


def test_debug_masks_the_value_that_was_there_too(three_empty, run, to_import):
    three_empty.client().put_secret_value(SecretId=IDS["DB"], SecretString="pl4nted-old")
    three_empty.refuse(
        "PutSecretValue", IDS["DB"], "ValidationException", "not pl4nted-new for pl4nted-old"
    )

    result = run(*to_import("DB=pl4nted-new"), "--yes", "--debug")

    assert "not *** for ***" in result.err


def test_credentials_that_expire_meanwhile_end_it(three_empty, run, to_import):
    three_empty.client().put_secret_value(SecretId=IDS["DB"], SecretString="pl4nted-old")
    three_empty.refuse("GetSecretValue", IDS["DB"], "ExpiredTokenException")

    result = run(*to_import("DB=pl4nted-new"), "--yes")

    assert result.code == 1
    assert result.out == ""
    assert "AWS refused the credentials (ExpiredTokenException)" in result.err


def test_one_that_cannot_be_written_stops_all(account, run, to_import):
    client = account.client()
    client.create_secret(Name=IDS["STRIPE_API_KEY"])
    client.create_secret(Name=IDS["SIGNING_KEY"])
    client.delete_secret(SecretId=IDS["SIGNING_KEY"])
    arguments = to_import("STRIPE_API_KEY=pl4nted-1\nSIGNING_KEY=pl4nted-2\nDB=pl4nted-3")

    result = run(*arguments, "--yes")

    assert result.code == 1
    assert plan_of(result) == [
        ("stripe-api-key", "empty", "create"),
        (
            "signing-key",
            "pending deletion",
            "refused",
            "dev/signing-key is marked for deletion",
        ),
        ("db", "missing", "refused", "dev/db does not exist in this account and Region"),
    ]
    assert result.err.splitlines()[0] == ("Error: nothing was written: signing-key, db cannot be")
    assert account.is_empty(IDS["STRIPE_API_KEY"])
