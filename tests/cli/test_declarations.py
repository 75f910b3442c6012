"""The module of names: how it is found, and what is said where it is not."""

from __future__ import annotations

import sys

import pytest

from core_backend.cli.declarations import load_declarations
from core_backend.errors import ConfigurationError

ONE = """
    from core_backend import SecretName

    ONE = SecretName("one-secret")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, and modules that are forgotten again."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    path = list(sys.path)
    yield tmp_path
    assert sys.path == path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_dotted_module_is_found_from_the_working_directory_on(folder, declare):
    declare(ONE, "shop/secret_names.py")

    declared = load_declarations("shop.secret_names")

    assert [secret.name for secret in declared.secrets] == ["one-secret"]
    assert declared.module == "shop.secret_names"


def test_a_path_is_a_file_whose_neighbours_can_be_imported(folder, declare):
    declare("PREFIX = 'shop'", "lib/neighbour.py")
    declare(
        """
        from core_backend import SecretName
        from neighbour import PREFIX

        ONE = SecretName(f"{PREFIX}-secret")
        """,
        "lib/secrets.py",
    )

    assert load_declarations("lib/secrets.py").secrets[0].name == "shop-secret"


def test_a_file_may_have_dataclasses_with_written_annotations(folder, declare):
    declare("""
        from __future__ import annotations

        from dataclasses import dataclass

        from core_backend import SecretName

        @dataclass
        class Credentials:
            password: str

        ONE = SecretName("one-secret", parse=Credentials)
    """)

    assert load_declarations("names.py").secrets[0].env_key == "ONE_SECRET"


def test_shapes_of_one_secret_belong_together(folder, declare):
    declare("""
        from core_backend import SecretName

        TEXT = SecretName("one")
        OTHER = SecretName("other")
        PARSED = SecretName("one", parse=int)
    """)

    secrets = load_declarations("names.py").secrets

    assert [(secret.name, len(secret.shapes)) for secret in secrets] == [("one", 2), ("other", 1)]
    assert secrets[0].real_name("dev") == "dev/one"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("X = 1", "names.py declares no secret: it needs a line such as"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def", "(SyntaxError: "),
        ("raise ValueError('first\\nsecond')", "names.py cannot be imported (ValueError: first)"),
        (
            "from core_backend import SecretName\nX = SecretName('?')",
            "(InvalidSecretNameError: the secret name '?' has characters",
        ),
    ],
)
def test_a_module_that_declares_nothing_is_refused(folder, declare, source, said):
    declare(source)

    with pytest.raises(ConfigurationError) as caught:
        load_declarations("names.py")

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("nowhere.py", "there is no file nowhere.py"),
        ("no_such_names", "cannot be imported (ModuleNotFoundError: "),
        ("", "cannot be imported (ValueError: "),
    ],
)
def test_a_module_that_is_not_there_is_refused(folder, module, said):
    with pytest.raises(ConfigurationError) as caught:
        load_declarations(module)

    assert said in str(caught.value)


def test_a_name_wins_over_another_secrets_variable(folder, declare):
    declare("""
        from core_backend import SecretName

        A = SecretName("api-key")
        B = SecretName("API_KEY")
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
def test_an_unknown_name_is_answered_with_those_there_are(folder, declare, count, said):
    lines = [f"N{number} = SecretName('name-{number}')" for number in range(count)]
    declare("\n".join(["from core_backend import SecretName", *lines]))

    with pytest.raises(ConfigurationError) as caught:
        load_declarations("names.py").find("zzzzzz")

    assert str(caught.value) == f"names.py declares no such secret; {said}"
