"""``secrets import``: a plan, a question, and a report of what was written."""

from __future__ import annotations

import json
import signal
import threading
from functools import partial

import pytest
from support.plans import IDS, plan_of


@pytest.fixture(autouse=True)
def _module(three_names, stdin):
    """Three names, and no terminal."""


def test_an_env_file_is_imported(three_empty, run, to_import):
    arguments = to_import("""
# The ones that nobody generates.
STRIPE_API_KEY=pl4nted-1
export SIGNING_KEY="pl4nted
two lines"
db = '{"password": "pl4nted-3"}'  # by its name
""")

    result = run(*arguments, "--yes")

    assert result.code == 0
    assert plan_of(result) == [
        ("stripe-api-key", "empty", "create"),
        ("signing-key", "empty", "create"),
        ("db", "empty", "create"),
    ]
    assert result.out.endswith("\nWrote 3 secrets.\n")
    assert result.err == ""
    assert [three_empty.value_of(secret_id) for secret_id in IDS.values()] == [
        "pl4nted-1",
        "pl4nted\ntwo lines",
        '{"password": "pl4nted-3"}',
    ]


def test_a_json_file_is_imported(three_empty, run, to_import):
    values = {"stripe-api-key": "pl4nted-1", "DB": {"password": "pl4nted-\N{SNOWMAN}", "port": 1}}
    arguments = to_import("\ufeff" + json.dumps(values), "values.json")

    assert run(*arguments, "--yes").code == 0
    assert three_empty.value_of("dev/stripe-api-key") == "pl4nted-1"
    assert three_empty.value_of("dev/db") == '{"password": "pl4nted-\N{SNOWMAN}", "port": 1}'
    assert three_empty.is_empty("dev/signing-key")


def test_nothing_is_asked_if_nothing_would_change(account, run, to_import):
    account.client().create_secret(Name=IDS["DB"], SecretString="pl4nted-1")

    result = run(*to_import("DB=pl4nted-1"))

    assert result.code == 0
    assert result.out.endswith("\nNothing to do.\n")


def test_without_a_terminal_or_yes_only_the_plan_is_shown(three_empty, run, to_import):
    result = run(*to_import("DB=pl4nted-1"))

    assert result.code == 1
    assert plan_of(result) == [("db", "empty", "create")]
    assert result.err.splitlines() == [
        "Error: nothing was written",
        "Pass --yes to do it all the same.",
    ]
    assert three_empty.is_empty(IDS["DB"])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDeniedException", "Not written: signing-key, db."),
        ("InternalServiceError", "Perhaps written: signing-key. Not written: db."),
    ],
)
def test_after_a_failure_the_message_says_what_was_written(three_empty, run, to_import, code, told):
    arguments = to_import("STRIPE_API_KEY=pl4nted-1\nSIGNING_KEY=pl4nted-2\nDB=pl4nted-3")
    three_empty.refuse("PutSecretValue", IDS["SIGNING_KEY"], code, "pl4nted-2")

    result = run(*arguments, "--yes")

    assert result.code == 1
    first, second = result.err.splitlines()
    assert "PutSecretValue on dev/signing-key" in first
    assert second == f"Written: stripe-api-key. {told} Run it again to finish the rest."
    assert not three_empty.is_empty(IDS["STRIPE_API_KEY"])
    assert three_empty.is_empty(IDS["SIGNING_KEY"])
    assert three_empty.is_empty(IDS["DB"])

    three_empty.relent()
    result = run(*arguments, "--yes")

    assert result.code == 0
    assert [plan for *_, plan in plan_of(result)] == ["unchanged", "create", "create"]
    assert three_empty.value_of(IDS["DB"]) == "pl4nted-3"


def test_a_failure_of_the_last_write_leaves_nothing_unwritten(three_empty, run, to_import):
    three_empty.refuse("PutSecretValue", IDS["DB"], "ServiceUnavailable")

    result = run(*to_import("DB=pl4nted-3"), "--yes")

    assert result.err.splitlines()[1] == (
        "Written: nothing. Perhaps written: db. Run it again to finish the rest."
    )


def test_after_ctrl_c_the_message_says_what_was_written(three_empty, run, to_import, request):
    arguments = to_import("STRIPE_API_KEY=pl4nted-1\nSIGNING_KEY=pl4nted-2\nDB=pl4nted-3")
    main_thread = threading.main_thread().ident
    request.addfinalizer(partial(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT)))
    # In a job in the background, SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    three_empty.before(
        "PutSecretValue",
        IDS["SIGNING_KEY"],
        lambda: signal.pthread_kill(main_thread, signal.SIGINT),
    )

    result = run(*arguments, "--yes")

    assert result.code == 1
    assert result.err.splitlines()[1] == (
        "Written: stripe-api-key. Perhaps written: signing-key. Not written: db. "
        "Run it again to finish the rest."
    )


def test_after_ctrl_c_between_two_writes_as_well(three_empty, run, to_import, monkeypatch):
    class Bar:
        def __enter__(self):
            return self.advance

        def __exit__(self, *exc_info):
            pass

        def advance(self):
            raise KeyboardInterrupt

    monkeypatch.setattr("core_backend.cli.writes.progress", lambda what, total: Bar())

    result = run(*to_import("STRIPE_API_KEY=pl4nted-1\nSIGNING_KEY=pl4nted-2\nDB=3"), "--yes")

    assert result.err == (
        "Error: stopped\n"
        "Written: stripe-api-key. Perhaps written: signing-key. Not written: db. "
        "Run it again to finish the rest.\n"
    )


def test_all_wrong_values_are_named(account, declare, run, to_import):
    declare("""
        from core_backend import SecretName

        STRIPE_API_KEY = SecretName("stripe-api-key")
        DB = SecretName("db").json()
    """)

    result = run(*to_import("STRIPE_API_KEY=\nDB=pl4nted-1"), "--yes")

    assert result.code == 1
    assert "the value of stripe-api-key is empty; secret 'db': it is not JSON" in result.err
    assert account.calls == ()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_a_terminal_asks_once_for_all_secrets(three_empty, terminal, to_import, answer, code):
    arguments = to_import("STRIPE_API_KEY=pl4nted-1\nSIGNING_KEY=pl4nted-2\nDB=pl4nted-3")

    with terminal(*arguments) as person:
        person.expect("Write 3 secrets in account 123456789012, eu-west-1? [y/N]: ")
        person.type(f"{answer}\r")
        assert person.wait() == code

    assert ("3/3" in person.output) == (code == 0)
    assert ("stopped; nothing was written" in person.output) == (code == 1)
    assert "pl4nted" not in person.output
    assert three_empty.is_empty(IDS["DB"]) == (code == 1)


def test_the_plan_shows_what_would_change(account, run, to_import):
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
def test_json_values_are_compared_by_their_meaning(  # noqa: PLR0913, PLR0917
    account, run, to_import, given, current, planned
):
    kind = "SecretBinary" if isinstance(current, bytes) else "SecretString"
    account.client().create_secret(Name=IDS["DB"], **{kind: current})

    assert plan_of(run(*to_import({"db": given}, "values.json"))) == [("db", "set", planned)]


@pytest.mark.parametrize("code", ["AccessDeniedException", "DecryptionFailure"])
def test_a_value_that_may_not_be_read_may_still_be_written(three_empty, run, to_import, code):
    three_empty.client().put_secret_value(SecretId=IDS["DB"], SecretString="pl4nted-old")
    three_empty.refuse("GetSecretValue", IDS["DB"], code)

    result = run(*to_import("DB=pl4nted-new"), "--yes")

    assert plan_of(result) == [("db", "set", "replace", "not compared: it may not be read")]
    three_empty.relent()
    assert three_empty.value_of(IDS["DB"]) == "pl4nted-new"


def test_debug_masks_the_old_value_too(three_empty, run, to_import):
    three_empty.client().put_secret_value(SecretId=IDS["DB"], SecretString="pl4nted-old")
    three_empty.refuse(
        "PutSecretValue", IDS["DB"], "ValidationException", "not pl4nted-new for pl4nted-old"
    )

    result = run(*to_import("DB=pl4nted-new"), "--yes", "--debug")

    assert "not *** for ***" in result.err


def test_expired_credentials_end_the_command(three_empty, run, to_import):
    three_empty.client().put_secret_value(SecretId=IDS["DB"], SecretString="pl4nted-old")
    three_empty.refuse("GetSecretValue", IDS["DB"], "ExpiredTokenException")

    result = run(*to_import("DB=pl4nted-new"), "--yes")

    assert result.code == 1
    assert result.out == ""
    assert "AWS refused the credentials (ExpiredTokenException)" in result.err


def test_one_secret_that_cannot_be_written_stops_all(account, run, to_import):
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
        ("db", "missing", "refused", "dev/db does not exist in account 123456789012, eu-west-1"),
    ]
    assert result.err.splitlines()[0] == (
        "Error: nothing was written, because these cannot be written: signing-key, db"
    )
    assert account.is_empty(IDS["STRIPE_API_KEY"])
