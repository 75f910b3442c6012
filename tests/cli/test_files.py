"""What a file of values may look like, and that no fault in it is told by quoting it."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from support.leaks import assert_absent

from core_backend.cli.declarations import load_declarations
from core_backend.cli.errors import CommandError
from core_backend.cli.files import read_values


@pytest.fixture
def declared(declare):
    """Two texts and some bytes; the working directory is where their module is."""
    return load_declarations(
        str(
            declare("""
                from core_backend import SecretName

                STRIPE_API_KEY = SecretName("stripe-api-key")
                SIGNING_KEY = SecretName("signing-key")
                RAW_KEY = SecretName("raw-key").binary()
            """)
        )
    )


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("x.env", b"", "x.env has no values"),
        ("x.env", b"# nothing\n\n", "x.env has no values"),
        ("x.json", b"{}", "x.json has no values"),
        ("x.env", b"\xff=pl4nted", "x.env cannot be read: it is not UTF-8 text"),
        ("x.env", b"=pl4nted\nA=1\n=pl4nted", "x.env: line 1, 3 is not KEY=value"),
        ("x.env", b"STRIPE_API_KEY='pl4nted", "x.env: line 1 is not KEY=value"),
        ("x.env", b"STRIPE_API_KEY", "line 1: stripe-api-key has no text"),
        ("x.env", b"STRIPE_KEY=pl4nted", "declares no such secret; did you mean STRIPE_API_KEY?"),
        # A key that was pasted over several lines, without quotes.
        ("x.env", b"SIGNING_KEY=pl4nted\npl4ntedpl4nted==\npl4nted", "line 2: "),
        ("x.env", b"SIGNING_KEY=pl4nted\nsigning-key=pl4nted", "line 2: signing-key is there a"),
        ("x.env", b"RAW_KEY=pl4nted", "line 1: raw-key is declared as binary"),
        ("x.json", b'{"a": "pl4nted",\n"b" 1}', "x.json: line 2, column 5: no JSON"),
        ("x.json", b'["pl4nted"]', "x.json: it is not one JSON object"),
        ("x.json", b"[" * 200_000, "x.json: it is nested too deeply"),
        ("x.json", b'{"DB": 1, "signing-key": 17, "RAW_KEY": 1}', "key 2: signing-key has no text"),
        ("x.json", b'{"signing-key": null}', "key 1: signing-key has no text; put it in quotes"),
        ("x.json", b'{"signing-key": "pl4nted", "signing-key": ""}', "key 2: signing-key is there"),
        ("x.json", b'{"pl4nted": "signing-key"}', "key 1: "),
    ],
)
def test_a_fault_is_told_by_its_place(declared, file, content, said):
    path = Path(file)
    path.write_bytes(content)

    with pytest.raises(CommandError) as caught:
        read_values(path, declared)

    assert said in str(caught.value)
    assert_absent(*traceback.format_exception(caught.value))


def test_all_faults_are_told_at_once(declared, tmp_path):
    path = tmp_path / "x.env"
    path.write_text("A=pl4nted\nSIGNING_KEY=pl4nted\nB=pl4nted")

    with pytest.raises(CommandError) as caught:
        read_values(path, declared)

    assert "line 1: " in str(caught.value)
    assert "line 3: " in str(caught.value)


def test_a_file_that_cannot_be_opened_is_told_why(declared, tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file or directory"):
        read_values(tmp_path / "x.env", declared)


def test_values_are_not_expanded(declared, tmp_path):
    path = tmp_path / "x.env"
    path.write_text("STRIPE_API_KEY=pl4nted-${HOME}-$HOME\n")

    assert read_values(path, declared)[0].value == "pl4nted-${HOME}-$HOME"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("x.env", "RAW_KEY=AP9wbDRudGVk"),
        ("x.env", "RAW_KEY='AP9wbDRu\ndGVk\n'"),
        ("x.json", '{"raw-key": "AP9wbDRudGVk\\n"}'),
    ],
)
def test_bytes_may_stand_there_as_base64_for_those_who_ask(declared, file, content):
    path = Path(file)
    path.write_text(content)

    [given] = read_values(path, declared, base64_binary=True)

    assert given.value == b"\x00\xffpl4nted"
    assert given.structured is False


@pytest.mark.parametrize("value", ['"pl4nted!"', '"AP9wbDRudGV"', '"\N{SNOWMAN}"', '""', "1"])
def test_what_is_no_base64_is_not_taken_for_bytes(declared, value):
    path = Path("x.json")
    path.write_text(f'{{"RAW_KEY": {value}}}')

    with pytest.raises(CommandError) as caught:
        read_values(path, declared, base64_binary=True)

    assert "key 1: raw-key is declared as binary, and is no base64 here" in str(caught.value)
    assert_absent(*traceback.format_exception(caught.value))


@pytest.mark.parametrize("file", ["values.json", "values.JSON", "values.Json"])
def test_a_json_file_is_known_by_its_suffix_in_any_case(declared, file):
    path = Path(file)
    path.write_text('{"SIGNING_KEY": "pl4nted"}')

    assert read_values(path, declared)[0].value == "pl4nted"
