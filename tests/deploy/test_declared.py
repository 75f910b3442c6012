"""The module of names is found however one points at it."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from core_backend.deploy.declared import NamesModuleFailedError, declared_names
from core_backend.errors import ConfigurationError
from core_backend.names import SecretName

SOURCE = """
from core_backend.names import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")
PREVIOUS_STRIPE_API_KEY = STRIPE_API_KEY.staged("AWSPREVIOUS")
OTHER = "not a name"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret_names.py").write_text(SOURCE)
    package = tmp_path / "their_names"
    package.mkdir()
    (package / "__init__.py").write_text(SOURCE)
    (tmp_path / "empty.py").write_text("")
    return tmp_path


def test_a_file_by_its_path(folder):
    declared = declared_names(folder / "secret_names.py")

    assert declared.module == "secret_names"
    assert list(declared.attributes) == ["STRIPE_API_KEY", "PREVIOUS_STRIPE_API_KEY"]
    [(name, declaration)] = declared.names.items()
    assert name == str(declaration) == "stripe-api-key"


def test_a_package_by_the_path_of_its_file(folder):
    assert declared_names(str(folder / "their_names" / "__init__.py")).module == "their_names"


def test_a_module_by_its_dotted_name(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))

    declared = declared_names("their_names")

    assert declared.module == "their_names"
    sys.modules.pop("their_names")


def test_a_module_that_is_imported_already():
    module = ModuleType("app.secret_names")
    module.KEY = SecretName("some-key")

    assert declared_names(module).module == "secret_names"


def test_a_text_is_recognised_as_a_name_or_as_its_variable(folder):
    declared = declared_names(folder / "secret_names.py")

    assert declared.called("stripe-api-key") == "stripe-api-key"
    assert declared.called("STRIPE_API_KEY") == "stripe-api-key"
    assert declared.called("LOG_LEVEL") is None


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("no_such_module", "cannot be imported .*pass the path of its file"),
        ("no/such/file.py", "there is no file no/such/file.py"),
    ],
)
def test_a_module_that_is_not_there_is_said_to_be_missing(names, message):
    with pytest.raises(ConfigurationError, match=message):
        declared_names(names)


def test_a_module_without_names_is_the_wrong_one(folder):
    with pytest.raises(ConfigurationError, match="empty declares no SecretName"):
        declared_names(folder / "empty.py")


def test_a_file_imports_those_beside_it_and_nothing_stays_on_the_path(folder):
    (folder / "prefixes.py").write_text("PREFIX = 'shop'")
    (folder / "secrets.py").write_text(
        "import secrets\n"
        "from core_backend.names import SecretName\n"
        "from prefixes import PREFIX\n"
        "KEY = SecretName(f'{PREFIX}-key')\n"
    )
    path = list(sys.path)

    assert list(declared_names(folder / "secrets.py").names) == ["shop-key"]
    assert sys.path == path
    sys.modules.pop("prefixes")


def test_a_dotted_name_is_looked_up_from_the_working_directory_on(folder, monkeypatch):
    monkeypatch.chdir(folder)

    assert declared_names("their_names").module == "their_names"
    sys.modules.pop("their_names")


def test_a_file_may_have_dataclasses_with_written_annotations(folder):
    (folder / "shapes.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from core_backend.names import SecretName\n"
        "@dataclass\n"
        "class Credentials:\n"
        "    password: str\n"
        "KEY = SecretName('some-key', parse=Credentials)\n"
    )

    assert declared_names(folder / "shapes.py").module == "shapes"


@pytest.mark.parametrize("given", ["broken.py", "broken"])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("\nimport no_such_module", "2: ModuleNotFoundError: No module named 'no_such_module'"),
        ("\n\ndef", "3: SyntaxError: invalid syntax"),
        ("raise ValueError('first\\nsecond')", "1: ValueError: first"),
        ("import json\njson.loads('{')", "2: JSONDecodeError: Expecting property name"),
        ("import sys\nsys.exit('configure it first')", "2: SystemExit: configure it first"),
        ("raise SystemExit(0)", "1: SystemExit: 0"),
    ],
)
def test_a_module_whose_own_code_fails_is_told_by_its_line(
    folder, monkeypatch, given, source, said
):
    monkeypatch.chdir(folder)
    (folder / "broken.py").write_text(source)

    with pytest.raises(NamesModuleFailedError) as caught:
        declared_names(given)

    message = str(caught.value)
    assert message.startswith(f"the module of names {given!r} fails when it is imported: ")
    assert f"broken.py, line {said}" in message
    assert "pass the path" not in message
    assert "\n" not in message
    sys.modules.pop("broken", None)


def test_a_file_that_is_no_python_at_all_is_said_to_be_none(folder):
    (folder / "broken.py").write_bytes(b"\x00")

    with pytest.raises(ConfigurationError, match="broken.py' cannot be imported .SyntaxError"):
        declared_names(folder / "broken.py")
