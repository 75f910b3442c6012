"""A value that is typed: asked for twice, and never shown."""

from __future__ import annotations

import getpass
import io
import sys
import threading

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


def test_a_terminal_asks_twice_and_does_not_show_the_value(empty, terminal):
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


def test_a_line_that_may_be_cut_off_is_refused(empty, terminal):
    with terminal(*SET) as person:
        for prompt in (FIRST, AGAIN):
            person.expect(prompt)
            person.type("pl4nted" + "x" * 5_000)
            person.type("\r")
        assert person.wait() == 1

    assert "so this value may be incomplete; nothing was written" in person.output
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


def test_a_value_that_is_typed_early_is_not_shown(empty, declare, terminal, tmp_path):
    # The module of names waits, so that there is time to type before the prompt.
    declare("""
        import sys
        import time
        from pathlib import Path

        from core_backend import SecretName

        print("importing", file=sys.stderr, flush=True)
        while not Path("typed").exists():
            time.sleep(0.01)
        STRIPE_API_KEY = SecretName("stripe-api-key")
    """)
    with terminal(*SET) as person:
        person.expect("importing")
        person.type("pl4nted-early\r")
        (tmp_path / "typed").touch()
        for prompt in (FIRST, AGAIN):
            person.expect(prompt)
            person.type("pl4nted-1\r")
        assert person.wait() == 0

    assert "pl4nted" not in person.output
    assert empty.value_of(ID) == "pl4nted-1"


def test_the_rest_of_a_pasted_value_does_not_answer_the_question(empty, terminal):
    empty.client().put_secret_value(SecretId=ID, SecretString="pl4nted-old")
    typed = threading.Event()
    empty.before("DescribeSecret", ID, lambda: (person.type("y\rpl4nted-rest\r"), typed.set()))
    with terminal(*SET) as person:
        for prompt in (FIRST, AGAIN):
            person.expect(prompt)
            person.type("pl4nted-1\r")
        person.expect("Replace it? [y/N]: ")
        assert typed.is_set()
        person.type("n\r")
        assert person.wait() == 1

    assert "pl4nted" not in person.output
    assert empty.value_of(ID) == "pl4nted-old"


def test_without_termios_a_value_can_still_be_typed(empty, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "termios", None)
    monkeypatch.setattr(sys, "stdin", Screen())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "pl4nted-1")

    assert run(*SET).code == 0
    assert empty.value_of(ID) == "pl4nted-1"


class Screen(io.StringIO):
    """A terminal as far as anybody can tell, on a machine that cannot hide what is typed."""

    def isatty(self):
        return True


@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")
def test_a_terminal_that_cannot_hide_typing_is_refused(empty, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Screen("pl4nted-1\n" * 2))
    monkeypatch.setattr(getpass, "getpass", getpass.fallback_getpass)

    result = run(*SET)

    assert result.code == 1
    assert "this terminal cannot hide what is typed" in result.err
    assert empty.is_empty(ID)


def test_a_binary_value_cannot_be_typed(account, declare, run, monkeypatch):
    declare(BINARY)
    account.client().create_secret(Name=ID)
    monkeypatch.setattr(sys, "stdin", Screen())

    result = run(*SET)

    assert result.code == 1
    assert "stripe-api-key is declared as binary, which cannot be typed" in result.err


def test_a_typed_value_that_is_not_unicode_is_refused(empty, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Screen())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "pl4nted-\udcff")

    result = run(*SET)

    assert result.code == 1
    assert "has characters that are not Unicode text" in result.err
    assert empty.is_empty(ID)


def undecodable(prompt):
    return b"pl4nted-\xe4".decode()


def test_a_typed_value_in_another_encoding_is_refused(empty, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Screen())
    monkeypatch.setattr(getpass, "getpass", undecodable)

    for arguments in (SET, (*SET, "--debug")):
        result = run(*arguments)
        assert result.code == 1
        assert result.err.endswith(
            "Error: what was typed is not in the encoding of this terminal; nothing was written\n"
            "Pipe it from a file: core-backend secrets set stripe-api-key ... < FILE\n"
        )
    assert empty.is_empty(ID)


def test_an_answer_in_another_encoding_is_not_a_yes(empty, run, monkeypatch):
    empty.client().put_secret_value(SecretId=ID, SecretString="pl4nted-old")
    monkeypatch.setattr(sys, "stdin", Screen())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "pl4nted-new")
    monkeypatch.setattr("click.termui.visible_prompt_func", undecodable)

    result = run(*SET)

    assert result.code == 1
    assert result.err.endswith("nothing was written\nAnswer with y or n.\n")
    assert empty.value_of(ID) == "pl4nted-old"
