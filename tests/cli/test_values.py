"""Values from a file or standard input: what is accepted, and messages that never quote them."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from support.leaks import assert_absent

from core_backend.cli.declarations import load_declarations
from core_backend.cli.run import CommandError
from core_backend.cli.values import read_file

SET = ("secrets", "set", "stripe-api-key", "--names", "names.py", "--env", "dev")
ID = "dev/stripe-api-key"
BINARY = """
    from core_backend import SecretName

    STRIPE_API_KEY = SecretName("stripe-api-key").binary()
"""


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
        ("x.env", b"SIGNING_KEY=pl4nted\nsigning-key=pl4nted", "line 2: signing-key occurs a"),
        ("x.env", b"RAW_KEY=pl4nted", "line 1: raw-key is declared as binary"),
        ("x.json", b'{"a": "pl4nted",\n"b" 1}', "x.json: line 2, column 5: not JSON"),
        ("x.json", b'["pl4nted"]', "x.json: it is not one JSON object"),
        ("x.json", b"[" * 200_000, "x.json: it is nested too deeply"),
        ("x.json", b'{"DB": 1, "signing-key": 17, "RAW_KEY": 1}', "key 2: signing-key has no text"),
        ("x.json", b'{"signing-key": null}', "key 1: signing-key has no text; put it in quotes"),
        ("x.json", b'{"signing-key": "pl4nted", "signing-key": ""}', "key 2: signing-key occurs"),
        ("x.json", b'{"pl4nted": "signing-key"}', "key 1: "),
    ],
)
def test_a_fault_is_reported_by_its_place(declared, file, content, said):
    path = Path(file)
    path.write_bytes(content)

    with pytest.raises(CommandError) as caught:
        read_file(path, declared)

    assert said in str(caught.value)
    assert_absent(*traceback.format_exception(caught.value))


def test_all_faults_are_reported_at_once(declared, tmp_path):
    path = tmp_path / "x.env"
    path.write_text("A=pl4nted\nSIGNING_KEY=pl4nted\nB=pl4nted")

    with pytest.raises(CommandError) as caught:
        read_file(path, declared)

    assert "line 1: " in str(caught.value)
    assert "line 3: " in str(caught.value)


def test_a_file_that_cannot_be_opened_is_reported_with_the_reason(declared, tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file or directory"):
        read_file(tmp_path / "x.env", declared)


def test_values_are_not_expanded(declared, tmp_path):
    path = tmp_path / "x.env"
    path.write_text("STRIPE_API_KEY=pl4nted-${HOME}-$HOME\n")

    assert read_file(path, declared)[0].value == "pl4nted-${HOME}-$HOME"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("x.env", "RAW_KEY=AP9wbDRudGVk"),
        ("x.env", "RAW_KEY='AP9wbDRu\ndGVk\n'"),
        ("x.json", '{"raw-key": "AP9wbDRudGVk\\n"}'),
    ],
)
def test_a_binary_value_may_be_base64_if_the_caller_allows_it(declared, file, content):
    path = Path(file)
    path.write_text(content)

    [given] = read_file(path, declared, base64_binary=True)

    assert given.value == b"\x00\xffpl4nted"
    assert given.structured is False


@pytest.mark.parametrize("value", ['"pl4nted!"', '"AP9wbDRudGV"', '"\N{SNOWMAN}"', '""', "1"])
def test_a_binary_value_that_is_not_base64_is_refused(declared, value):
    path = Path("x.json")
    path.write_text(f'{{"RAW_KEY": {value}}}')

    with pytest.raises(CommandError) as caught:
        read_file(path, declared, base64_binary=True)

    assert "key 1: raw-key is declared as binary, and is not base64 here" in str(caught.value)
    assert_absent(*traceback.format_exception(caught.value))


@pytest.mark.parametrize("file", ["values.json", "values.JSON", "values.Json"])
def test_the_suffix_of_a_json_file_may_be_upper_case(declared, file):
    path = Path(file)
    path.write_text('{"SIGNING_KEY": "pl4nted"}')

    assert read_file(path, declared)[0].value == "pl4nted"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("pl4nted\n", "pl4nted"),
        ("pl4nted\r\n", "pl4nted"),
        ("pl4nted\n\n", "pl4nted\n"),
        (" pl4nted ", " pl4nted "),
        ("line pl4nted 1\nline 2\n", "line pl4nted 1\nline 2"),
        ("pl4nted \N{SNOWMAN}", "pl4nted \N{SNOWMAN}"),
        ("\ufeffpl4nted\r\n", "pl4nted"),
    ],
)
def test_the_last_line_end_of_a_text_is_left_out(empty, run, stdin, given, stored):
    stdin(given)

    assert run(*SET).code == 0
    assert empty.value_of(ID) == stored


@pytest.mark.parametrize("value", [b"\x00\xffpl4nted\n", b" \t\r\n", b"\xef\xbb\xbfpl4nted"])
def test_bytes_are_stored_as_they_are(account, declare, run, stdin, value):
    declare(BINARY)
    account.client().create_secret(Name=ID)
    stdin(value)

    assert run(*SET).code == 0
    assert account.value_of(ID) == value


def test_an_empty_binary_value_is_refused(account, declare, run, stdin):
    declare(BINARY)
    account.client().create_secret(Name=ID)

    result = run(*SET)

    assert result.code == 1
    assert "the value of stripe-api-key is empty" in result.err


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the value of stripe-api-key is empty"),
        (b"\n", "the value of stripe-api-key is empty"),
        (b" \t\n", "the value of stripe-api-key is empty"),
        (b"pl4nted" + b"x" * 65_530, "is longer than the 65,536 bytes"),
        (b"pl4nted" + "ä".encode() * 32_765, "is longer than the 65,536 bytes"),
        (b"\xef\xbb\xbfpl4nted" + b"x" * 65_530 + b"\r\n", "is longer than the 65,536 bytes"),
        (b"\xef\xbb\xbf\n", "the value of stripe-api-key is empty"),
        (b"pl4nted\xff", "is not UTF-8 text"),
    ],
)
def test_an_impossible_value_is_refused_before_it_is_sent(empty, run, stdin, data, said):
    stdin(data)

    result = run(*SET)

    assert result.code == 1
    assert said in result.err
    assert "othing was written" in result.err
    assert len(result.err.splitlines()) <= 2
    assert empty.is_empty(ID)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_end", ["", "\n", "\r\n"])
def test_the_longest_value_is_stored_whole(empty, run, stdin, mark, line_end):
    value = "pl4nted" + "x" * 65_529
    stdin(mark + value + line_end)

    assert run(*SET).code == 0
    assert empty.value_of(ID) == value


def test_a_value_of_another_shape_is_refused(account, declare, run, stdin):
    declare("""
        from core_backend import SecretName

        KEY = SecretName("stripe-api-key")
        PASSWORD = KEY.field("password")
    """)
    account.client().create_secret(Name=ID)

    for arguments in (SET, (*SET, "--debug")):
        stdin("pl4nted: no JSON")
        result = run(*arguments)
        assert result.code == 1
        assert "secret 'stripe-api-key': it is not JSON; check what was stored" in result.err
        assert result.err.endswith("Nothing was written.\n")
    assert account.is_empty(ID)

    stdin('{"password": "pl4nted"}')
    assert run(*SET).code == 0
