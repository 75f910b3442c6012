"""A value on its way in: from a prompt that shows nothing, or from standard input."""

from __future__ import annotations

import getpass
import io
import sys

import pytest

SET = ("secrets", "set", "stripe-api-key", "--names", "names.py", "--env", "dev")
ID = "dev/stripe-api-key"
FIRST, AGAIN = "Value of stripe-api-key (not shown): ", "The same again: "
BINARY = """
    from core_backend import SecretName

    STRIPE_API_KEY = SecretName("stripe-api-key").binary()
"""


@pytest.fixture(autouse=True)
def _module(declare, stdin):
    """Names to fill, and nothing on standard input."""


@pytest.fixture
def empty(account):
    """An account in which the secret waits for its value."""
    account.client().create_secret(Name=ID)
    return account


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
def test_of_a_text_the_last_end_of_line_is_left_out(empty, run, stdin, given, stored):
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


def test_no_bytes_at_all_are_no_value(account, declare, run, stdin):
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
def test_what_cannot_be_a_value_is_refused_before_it_is_sent(empty, run, stdin, data, said):
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


def test_a_terminal_asks_twice_and_shows_nothing(empty, terminal):
    with terminal(*SET) as person:
        person.expect(FIRST)
        person.type("pl4nted-1\r")
        person.expect(AGAIN)
        person.type("pl4nted-1\r")
        assert person.wait() == 0

    assert f"{ID} is set" in person.output
    assert "pl4nted" not in person.output
    assert empty.value_of(ID) == "pl4nted-1"


def test_two_entries_that_differ_are_refused(empty, terminal):
    with terminal(*SET) as person:
        person.expect(FIRST)
        person.type("pl4nted-1\r")
        person.expect(AGAIN)
        person.type("pl4nted-2\r")
        assert person.wait() == 1

    assert "the two entries differ; nothing was written" in person.output
    assert "pl4nted" not in person.output
    assert empty.is_empty(ID)


def test_a_line_the_terminal_may_have_cut_off_is_refused(empty, terminal):
    with terminal(*SET) as person:
        for prompt in (FIRST, AGAIN):
            person.expect(prompt)
            person.type("pl4nted" + "x" * 5_000)
            person.type("\r")
        assert person.wait() == 1

    assert "so this value may not be whole; nothing was written" in person.output
    assert "< FILE" in person.output
    assert empty.is_empty(ID)


@pytest.mark.parametrize(("typed", "key"), [(0, "\x04"), (0, "\x03"), (1, "\x03")])
def test_ctrl_c_or_ctrl_d_at_a_prompt_writes_nothing(empty, terminal, typed, key):
    with terminal(*SET) as person:
        person.expect(FIRST)
        if typed:
            person.type("pl4nted-1\r")
            person.expect(AGAIN)
        person.type(key)
        assert person.wait() == 1

    assert "stopped; nothing was written" in person.output
    assert "Traceback" not in person.output
    assert empty.is_empty(ID)


class Screen(io.StringIO):
    """A terminal as far as anybody can tell, on a machine that cannot hide what is typed."""

    def isatty(self):
        return True


@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")
def test_where_typing_cannot_be_hidden_nothing_is_asked(empty, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Screen("pl4nted-1\n" * 2))
    monkeypatch.setattr(getpass, "getpass", getpass.fallback_getpass)

    result = run(*SET)

    assert result.code == 1
    assert "this terminal cannot hide what is typed" in result.err
    assert empty.is_empty(ID)


def test_bytes_are_not_typed(account, declare, run, monkeypatch):
    declare(BINARY)
    account.client().create_secret(Name=ID)
    monkeypatch.setattr(sys, "stdin", Screen())

    result = run(*SET)

    assert result.code == 1
    assert "stripe-api-key is declared as binary, which cannot be typed" in result.err


def test_what_is_typed_in_another_encoding_is_refused(empty, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Screen())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "pl4nted-\udcff")

    result = run(*SET)

    assert result.code == 1
    assert "has characters that are no Unicode text" in result.err
    assert empty.is_empty(ID)


def undecodable(prompt):
    return b"pl4nted-\xe4".decode()


def test_what_the_terminal_cannot_decode_is_refused(empty, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Screen())
    monkeypatch.setattr(getpass, "getpass", undecodable)

    for arguments in (SET, (*SET, "--debug")):
        result = run(*arguments)
        assert result.code == 1
        assert result.err.endswith(
            "Error: what was typed is not in the encoding of this terminal; nothing was written\n"
            "Have it read from a file: core-backend secrets set stripe-api-key ... < FILE\n"
        )
    assert empty.is_empty(ID)


def test_an_answer_the_terminal_cannot_decode_is_no_yes(empty, run, monkeypatch):
    empty.client().put_secret_value(SecretId=ID, SecretString="pl4nted-old")
    monkeypatch.setattr(sys, "stdin", Screen())
    monkeypatch.setattr("click.termui.visible_prompt_func", undecodable)

    result = run(*SET)

    assert result.code == 1
    assert result.err.endswith("nothing was written\nAnswer with y or n.\n")
    assert empty.value_of(ID) == "pl4nted-old"
