"""The module of names: how it is found, and what is said where it is not."""

from __future__ import annotations

import pytest

from core_backend.cli.declarations import load_declarations
from core_backend.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _folder(environ):
    """The working directory, where the module is."""


def test_shapes_of_one_secret_belong_together(declare):
    declare("""
        from core_backend import SecretName

        TEXT = SecretName("one")
        OTHER = SecretName("other")
        PARSED = SecretName("one", parse=int)
    """)

    secrets = load_declarations("names.py").secrets

    assert [(secret.name, len(secret.shapes)) for secret in secrets] == [("one", 2), ("other", 1)]
    assert secrets[0].real_name("dev") == "dev/one"


def test_a_name_wins_over_another_secrets_variable(declare):
    declare("""
        from core_backend import SecretName

        A = SecretName("API_KEY")
        B = SecretName("api-key")
    """)
    declared = load_declarations("names.py")

    assert declared.find("API_KEY").name == "API_KEY"
    assert declared.find("api-key").name == "api-key"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "there are name-0"),
        (10, "there are " + ", ".join(f"name-{n}" for n in range(10))),
        (11, "there are " + ", ".join(f"name-{n}" for n in range(10)) + ", ..."),
    ],
)
def test_an_unknown_name_is_answered_with_those_there_are(declare, count, said):
    lines = [f"N{number} = SecretName('name-{number}')" for number in range(count)]
    declare("\n".join(["from core_backend import SecretName", *lines]))

    with pytest.raises(ConfigurationError) as caught:
        load_declarations("names.py").find("zzzzzz")

    assert str(caught.value) == f"names.py declares no such secret; {said}"
