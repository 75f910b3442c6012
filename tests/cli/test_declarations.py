"""The module of names: how it is found, and the message if it is not."""

from __future__ import annotations

import json

import pytest

from core_backend.cli.declarations import load_declarations
from core_backend.errors import ConfigurationError

NAMES = """
    from core_backend import SecretName

    STRIPE_API_KEY = SecretName("stripe-api-key")
    SIGNING_KEY = SecretName("signing-key")
"""


@pytest.fixture(autouse=True)
def _folder(environ):
    """The working directory, where the module is."""


def test_all_shapes_of_a_secret_are_one_declared_secret(declare):
    declare("""
        from core_backend import SecretName

        TEXT = SecretName("one")
        OTHER = SecretName("other")
        PARSED = SecretName("one", parse=int)
    """)

    secrets = load_declarations("names.py").secrets

    assert [(secret.name, len(secret.shapes)) for secret in secrets] == [("one", 2), ("other", 1)]
    assert secrets[0].real_name("dev") == "dev/one"


def test_a_name_wins_over_the_variable_of_another_secret(declare):
    declare("""
        from core_backend import SecretName

        A = SecretName("API_KEY")
        B = SecretName("api-key")
    """)
    declared = load_declarations("names.py")

    assert declared.find("API_KEY").name == "API_KEY"
    assert declared.find("api-key").name == "api-key"


def test_a_variable_that_two_secrets_share_is_refused(declare):
    declare("""
        from core_backend import SecretName

        A = SecretName("a-b")
        B = SecretName("a.b")
    """)
    declared = load_declarations("names.py")

    assert [declared.find(name).name for name in ("a-b", "a.b")] == ["a-b", "a.b"]
    with pytest.raises(ConfigurationError) as caught:
        declared.find("A_B")

    assert str(caught.value) == (
        "A_B is the variable of a-b and a.b; use the name of the secret instead"
    )


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "there are name-0"),
        (10, "there are " + ", ".join(f"name-{n}" for n in range(10))),
        (11, "there are " + ", ".join(f"name-{n}" for n in range(10)) + ", ..."),
    ],
)
def test_an_unknown_name_is_answered_with_the_declared_names(declare, count, said):
    lines = [f"N{number} = SecretName('name-{number}')" for number in range(count)]
    declare("\n".join(["from core_backend import SecretName", *lines]))

    with pytest.raises(ConfigurationError) as caught:
        load_declarations("names.py").find("zzzzzz")

    assert str(caught.value) == f"names.py declares no such secret; {said}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nope", "no secret 'nope'; there are"),
        ("NOPE_KEY", "no secret 'NOPE_KEY'; there are"),
        ("stripe-api-key2", "no secret 'stripe-api-key2'; did you mean stripe-api-key?"),
        ("sk_live_51H8", "no such secret; there are"),
        ("correct-horse-battery-staple", "no such secret; there are"),
        ("", "no such secret; there are"),
    ],
)
def test_an_unknown_name_is_quoted_unless_it_may_be_a_value(declare, name, said):
    declare(NAMES)

    with pytest.raises(ConfigurationError) as caught:
        load_declarations("names.py").find(name, quote=True)

    assert f"names.py declares {said}" in str(caught.value)


def test_a_secret_may_have_several_variables(declare):
    declare("""
        from core_backend import SecretName

        A = SecretName("a-b")
        B = SecretName("a-b", env_key="SOMEBODY_ELSES").json()
    """)

    [secret] = load_declarations("names.py").secrets

    assert secret.env_keys == ("A_B", "SOMEBODY_ELSES")


STATUS = ("secrets", "status", "--env", "dev", "--names")


@pytest.mark.parametrize("module", ["names.py", "names"])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys\nsys.exit('configure it first')", "line 2: SystemExit: configure it first"),
        ("raise SystemExit(0)", "line 1: SystemExit: 0"),
        ("raise SystemExit(5)", "line 1: SystemExit: 5"),
        ("\n1 / 0", "line 2: ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_whose_own_code_fails_is_exit_code_1(declare, run, module, source, said):
    declare(source)

    result = run(*STATUS, module)

    assert (result.code, result.out) == (1, "")
    first, second = result.err.splitlines()
    assert first.startswith(f"Error: the module of names {module!r} fails when it is imported: ")
    assert first.endswith(f"names.py, {said}")
    assert second == "Correct the module; --debug shows the whole traceback."


def test_a_module_that_is_not_found_is_exit_code_2(run):
    result = run(*STATUS, "nowhere.names")

    assert result.code == 2
    assert "No module named 'nowhere'); pass the path of its file" in result.err


def test_what_a_module_prints_does_not_get_into_the_output(account, declare, run):
    declare("""
        from core_backend import SecretName

        print("hello from the module")
        KEY = SecretName("key")
    """)

    result = run(*STATUS, "names.py", "--output", "json")

    assert [one["name"] for one in json.loads(result.out)] == ["key"]
    assert result.err == "hello from the module\n"
