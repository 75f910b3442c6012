"""``secrets import``: many values at once, and always clear about which were written."""

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


def test_where_nothing_would_change_nothing_is_asked(account, run, to_import):
    account.client().create_secret(Name=IDS["DB"], SecretString="pl4nted-1")

    result = run(*to_import("DB=pl4nted-1"))

    assert result.code == 0
    assert result.out.endswith("\nNothing to do.\n")


def test_without_a_terminal_or_yes_there_is_only_the_plan(three_empty, run, to_import):
    result = run(*to_import("DB=pl4nted-1"))

    assert result.code == 1
    assert plan_of(result) == [("db", "empty", "create")]
    assert result.err.splitlines() == [
        "Error: nothing was written",
        "Pass --yes to write all the same.",
    ]
    assert three_empty.is_empty(IDS["DB"])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDeniedException", "Not written: signing-key, db."),
        ("InternalServiceError", "Perhaps written: signing-key. Not written: db."),
    ],
)
def test_a_failure_in_the_middle_tells_what_was_written(three_empty, run, to_import, code, told):
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


def test_a_failure_of_the_last_one_leaves_nothing_else(three_empty, run, to_import):
    three_empty.refuse("PutSecretValue", IDS["DB"], "ServiceUnavailable")

    result = run(*to_import("DB=pl4nted-3"), "--yes")

    assert result.err.splitlines()[1] == (
        "Written: nothing. Perhaps written: db. Run it again to finish the rest."
    )


def test_ctrl_c_in_the_middle_tells_what_was_written(three_empty, run, to_import, request):
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


def test_ctrl_c_between_two_writes_is_told_as_well(three_empty, run, to_import, monkeypatch):
    class Bar:
        def __enter__(self):
            return self.advance

        def __exit__(self, *exc_info):
            pass

        def advance(self):
            raise KeyboardInterrupt

    monkeypatch.setattr("core_backend.cli.import_.progress", lambda what, total: Bar())

    result = run(*to_import("STRIPE_API_KEY=pl4nted-1\nSIGNING_KEY=pl4nted-2\nDB=3"), "--yes")

    assert result.err == (
        "Error: stopped\n"
        "Written: stripe-api-key. Perhaps written: signing-key. Not written: db. "
        "Run it again to finish the rest.\n"
    )


def test_all_values_that_are_wrong_are_named(account, declare, run, to_import):
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
def test_a_terminal_asks_once_for_all(three_empty, terminal, to_import, answer, code):
    arguments = to_import("STRIPE_API_KEY=pl4nted-1\nSIGNING_KEY=pl4nted-2\nDB=pl4nted-3")

    with terminal(*arguments) as person:
        person.expect("Write 3 secrets? [y/N]: ")
        person.type(f"{answer}\r")
        assert person.wait() == code

    assert ("3/3" in person.output) == (code == 0)
    assert ("stopped; nothing was written" in person.output) == (code == 1)
    assert "pl4nted" not in person.output
    assert three_empty.is_empty(IDS["DB"]) == (code == 1)
