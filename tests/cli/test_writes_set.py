"""``secrets set``: one value into one secret."""

from __future__ import annotations

import json
import threading

import pytest

SET = ("secrets", "set", "stripe-api-key", "--names", "names.py", "--env", "dev")
ID = "dev/stripe-api-key"
PLACE = "account 123456789012, eu-west-1"
FIRST, AGAIN = "Value of stripe-api-key (not shown): ", "The same again: "


@pytest.fixture(autouse=True)
def _module(declare, stdin):
    """Names to fill, and nothing on standard input."""


@pytest.fixture
def filled(empty):
    """An account in which the secret has a value."""
    empty.client().put_secret_value(SecretId=ID, SecretString="pl4nted-old")
    return empty


def test_a_value_from_standard_input_is_stored(empty, run, stdin):
    stdin("pl4nted-1")

    result = run(*SET)

    assert result.code == 0
    assert result.out.startswith(f"{ID} is set, version ")
    assert result.err == ""
    assert empty.value_of(ID) == "pl4nted-1"


def test_the_environment_variable_may_stand_for_the_name(empty, run, stdin):
    stdin("pl4nted-1")

    assert run("secrets", "set", "STRIPE_API_KEY", *SET[3:]).code == 0
    assert empty.value_of(ID) == "pl4nted-1"


def test_a_missing_secret_is_created_only_with_create(account, run, stdin):
    stdin("pl4nted-1")
    result = run(*SET)

    assert result.code == 1
    assert result.err.splitlines() == [
        f"Error: {ID} does not exist in account 123456789012, eu-west-1",
        "Deploy the stack that declares it; or pass --create if none does.",
    ]

    account.client().create_secret(Name="dev/another")
    stdin("pl4nted-1")
    assert run(*SET, "--create").code == 0
    assert account.value_of(ID) == "pl4nted-1"


@pytest.mark.parametrize("refused", [False, True])
def test_create_in_a_new_environment_is_refused_if_nobody_can_be_asked(
    account, run, stdin, refused
):
    account.client().create_secret(Name="devel/another")
    if refused:
        account.refuse("ListSecrets", None, "AccessDeniedException")
    stdin("pl4nted-1")

    result = run(*SET, "--create")

    assert result.code == 1
    assert result.err.splitlines() == [
        f"Error: no secret under dev/ was found in {PLACE}; nothing was written",
        "Pass --yes to do it all the same.",
    ]
    stdin("pl4nted-1")
    assert run(*SET, "--create", "--yes").code == 0
    assert account.value_of(ID) == "pl4nted-1"


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_create_asks_in_a_new_environment(account, terminal, answer, code):
    with terminal(*SET, "--create") as person:
        for prompt in (FIRST, AGAIN):
            person.expect(prompt)
            person.type("pl4nted-1\r")
        person.expect(f"No secret under dev/ was found in {PLACE}. Create {ID}? [y/N]: ")
        person.type(f"{answer}\r")
        assert person.wait() == code

    assert bool(account.client().list_secrets()["SecretList"]) == (code == 0)


def test_json_output_has_the_version(empty, run, stdin):
    stdin("pl4nted-1")

    shown = json.loads(run(*SET, "--output", "json").out)

    version = empty.client().get_secret_value(SecretId=ID)["VersionId"]
    assert shown == {"name": "stripe-api-key", "secret": ID, "version": version}


def test_a_secret_that_exists_is_not_created_again(empty, run, stdin):
    stdin("pl4nted-1")

    assert run(*SET, "--create").code == 0
    assert empty.value_of(ID) == "pl4nted-1"


def test_a_secret_marked_for_deletion_is_left_alone(filled, run, stdin):
    filled.client().delete_secret(SecretId=ID)
    stdin("pl4nted-1")

    result = run(*SET, "--create", "--yes")

    assert result.code == 1
    assert f"{ID} is marked for deletion" in result.err
    assert "core-backend secrets restore stripe-api-key" in result.err


def test_a_secret_that_may_not_be_seen_is_not_written(empty, run, stdin):
    empty.refuse("DescribeSecret", ID, "AccessDeniedException")
    stdin("pl4nted-1")

    result = run(*SET, "--create", "--yes")

    assert result.code == 1
    assert f"access denied to {ID}" in result.err
    assert empty.calls[-1].operation == "DescribeSecret"


def test_without_a_terminal_a_value_is_replaced_only_with_yes(filled, run, stdin):
    stdin("pl4nted-new")
    result = run(*SET)

    assert result.code == 1
    assert f"{ID} in {PLACE} already has a value, changed " in result.err
    assert "Pass --yes" in result.err
    assert filled.value_of(ID) == "pl4nted-old"

    stdin("pl4nted-new")
    assert run(*SET, "--yes").code == 0
    assert filled.value_of(ID) == "pl4nted-new"


def test_a_refusal_of_the_service_is_shown_without_its_text(empty, run, stdin):
    message = "Value 'pl4nted-1' at 'secretString' failed to satisfy a constraint"
    empty.refuse("PutSecretValue", ID, "ValidationException", message)
    stdin("pl4nted-1")

    result = run(*SET)

    assert result.code == 1
    assert result.err.splitlines() == [
        f"Error: Secrets Manager refused PutSecretValue on {ID} (ValidationException)",
        "Run it again with --debug to see its answer.",
    ]


def test_debug_shows_the_answer_with_the_value_masked(empty, run, stdin):
    message = "Value 'pl4nted-1' at 'secretString' failed to satisfy a constraint"
    empty.refuse("PutSecretValue", ID, "ValidationException", message)
    stdin("pl4nted-1")

    result = run(*SET, "--debug")

    assert "Traceback" in result.err
    assert "Value '***' at 'secretString' failed" in result.err
    assert result.err.endswith("Run it again with --debug to see its answer.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        (*SET, "pl4nted-1"),
        ("secrets", "set", "pl4nted-1", *SET[3:]),
        ("secrets", "set", "pl4nted-1", "stripe-api-key", *SET[3:]),
        (*SET, "--pl4nted-1"),
        (*SET, "-pl4nted-1"),
        (*SET, "-----BEGIN pl4nted KEY-----"),
    ],
)
def test_a_value_as_an_argument_is_refused_and_not_shown(empty, run, arguments):
    result = run(*arguments)

    assert result.code == 2
    assert result.err.startswith("Error: ")
    assert empty.calls[1:] == ()


def test_a_name_that_is_not_declared_is_exit_code_2(account, run):
    result = run("secrets", "set", "stripe-key", *SET[3:])

    assert result.code == 2
    assert result.err == (
        "Error: Invalid value for NAME: names.py declares no secret 'stripe-key'; did you mean "
        "stripe-api-key?\nSee core-backend secrets set --help.\n"
    )


def test_after_ctrl_c_during_a_write_the_message_says_it_may_be_written(empty, terminal):
    asked, answered = threading.Event(), threading.Event()

    def hold():
        asked.set()
        answered.wait(20)

    empty.before("PutSecretValue", ID, hold)
    with terminal(*SET) as person:
        for prompt in (FIRST, AGAIN):
            person.expect(prompt)
            person.type("pl4nted-1\r")
        assert asked.wait(20)
        person.type("\x03")
        person.expect(f"stopped while {ID} was being written: it may have its new value, or not")
        assert person.wait() == 1
        answered.set()

    assert "pl4nted" not in person.output


@pytest.mark.parametrize(("answer", "code", "value"), [("n", 1, "old"), ("y", 0, "new")])
def test_a_terminal_asks_before_it_replaces(filled, terminal, answer, code, value):
    with terminal(*SET) as person:
        for prompt in (FIRST, AGAIN):
            person.expect(prompt)
            person.type("pl4nted-new\r")
        person.expect("Replace it? [y/N]: ")
        person.type(f"{answer}\r")
        assert person.wait() == code

    assert filled.value_of(ID) == f"pl4nted-{value}"


def test_yes_replaces_without_a_question(filled, terminal):
    with terminal(*SET, "--yes") as person:
        for prompt in (FIRST, AGAIN):
            person.expect(prompt)
            person.type("pl4nted-new\r")
        assert person.wait() == 0

    assert "Replace it?" not in person.output
    assert filled.value_of(ID) == "pl4nted-new"
