"""Values: text and bytes in every use, and a mask wherever they would show by accident."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import pprint
import re
import reprlib
import textwrap
import traceback

import pytest
import rich.console
import rich.traceback
import structlog.tracebacks

from core_backend import SecretBytes, SecretText

PLAIN = "pl4nted-value"
TEXT = SecretText(PLAIN)
BYTES = SecretBytes(PLAIN.encode())
LONG_TEXT = SecretText(PLAIN * 99)
LONG_BYTES = SecretBytes(LONG_TEXT.encode())


def test_text_is_a_str_in_every_use():
    assert f"Bearer {TEXT}" == f"Bearer {PLAIN}"
    assert f"Bearer {PLAIN}" == "Bearer " + TEXT
    assert "%s" % TEXT == PLAIN  # noqa: UP031  # one of the uses
    assert json.dumps({"key": TEXT}) == json.dumps({"key": PLAIN})
    assert TEXT == PLAIN
    assert {PLAIN: 1}[TEXT] == 1
    assert TEXT.encode() == PLAIN.encode()
    assert isinstance(TEXT, str)


def test_bytes_are_bytes_in_every_use():
    assert PLAIN.encode() == BYTES
    assert BYTES.decode() == PLAIN
    assert str(BYTES, "ascii") == PLAIN
    assert b"Basic " + PLAIN.encode() == b"Basic " + BYTES
    assert PLAIN.encode() == b"%s" % BYTES
    assert {PLAIN.encode(): 1}[BYTES] == 1
    assert isinstance(BYTES, bytes)


def test_the_plain_value_is_had_by_asking_for_it():
    assert type(str(TEXT)) is str
    assert type(bytes(BYTES)) is bytes
    assert (str(TEXT), bytes(BYTES)) == (PLAIN, PLAIN.encode())
    assert (TEXT.plain(), BYTES.plain()) == (PLAIN, PLAIN.encode())
    assert (type(TEXT.plain()), type(BYTES.plain())) == (str, bytes)


@pytest.mark.parametrize("value", [TEXT, BYTES], ids=["text", "bytes"])
@pytest.mark.parametrize(
    "shown",
    [
        repr,
        ascii,
        reprlib.repr,
        pprint.pformat,
        lambda value: f"{value!r}",
        lambda value: f"{[value]} {(value,)} { ({'key': value}) }",
        lambda value: pprint.pformat({"key": [value] * 9}, width=10),
    ],
)
def test_a_repr_is_a_mask(value, shown):
    assert "***" in shown(value)
    assert "pl4nted" not in shown(value)


def test_text_made_of_bytes_by_accident_is_a_mask():
    assert str(BYTES) == f"{BYTES}" == "%s" % BYTES == "SecretBytes(b'***')"  # noqa: UP031


def test_the_mask_does_not_tell_how_long_the_value_is():
    assert repr(SecretText("")) == repr(SecretText("x" * 1000)) == "SecretText('***')"
    assert repr(SecretBytes(b"")) == repr(SecretBytes(b"x" * 1000)) == "SecretBytes(b'***')"


@pytest.mark.parametrize("value", [TEXT, BYTES], ids=["text", "bytes"])
def test_a_traceback_with_local_variables_shows_a_mask(value):
    def fails(value):
        raise ValueError("bare")

    with pytest.raises(ValueError, match="bare") as caught:
        fails(value)
    frame = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack[-1]
    assert "***" in frame.locals["value"]


@pytest.mark.parametrize("value", [TEXT, BYTES], ids=["text", "bytes"])
@pytest.mark.parametrize(
    "leave",
    [copy.copy, copy.deepcopy, lambda value: copy.deepcopy({"key": [value]})]
    + [lambda value, p=p: pickle.dumps([value], p) for p in range(pickle.HIGHEST_PROTOCOL + 1)],
)
def test_a_value_is_not_pickled_or_copied(value, leave):
    with pytest.raises(
        TypeError, match="a secret value cannot be pickled or copied.*value.plain.."
    ):
        leave(value)


def test_a_value_logged_as_a_repr_is_a_mask(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger(__name__).debug("got %r", TEXT)
    assert "got SecretText('***')" in caplog.text


@pytest.mark.parametrize(
    "made",
    [
        str,
        "{}".format,
        "%s".__mod__,
        "Bearer ".__add__,
        lambda value: value + "x",
        lambda value: value.replace("-", ""),
        "".join,
        str.upper,
        lambda value: json.loads(json.dumps(value)),
        lambda value: re.match(".*", value).group(),
        lambda value: textwrap.shorten(value, 20),
    ],
)
def test_text_that_is_made_of_a_value_is_plain_and_shows_itself(made):
    assert type(made(TEXT)) is str
    assert type(BYTES.decode()) is str


@pytest.mark.parametrize(
    "part",
    [
        lambda value, of: value[1:4],
        lambda value, of: value[:],
        lambda value, of: value[::-1],
        lambda value, of: value.strip(of("pe")),
        lambda value, of: value.lstrip(),
        lambda value, of: value.rstrip(),
        lambda value, of: value.removeprefix(of("pl4")),
        lambda value, of: value.removesuffix(of("lue")),
        lambda value, of: value.split(of("-")),
        lambda value, of: value.rsplit(of("-"), maxsplit=1),
        lambda value, of: value.splitlines(keepends=True),
        lambda value, of: value.partition(of("-")),
        lambda value, of: value.rpartition(of("-")),
    ],
)
def test_a_part_of_a_value_is_masked(part):
    for value, plain, of in ((TEXT, PLAIN, str), (BYTES, PLAIN.encode(), str.encode)):
        found = part(value, of)
        assert found == part(plain, of)
        assert type(found) in (type(value), list, tuple)
        assert "***" in repr(found)
        assert "pl4" not in repr(found)


def test_the_characters_of_a_value_are_masked():
    assert list(TEXT) == list(PLAIN)
    assert TEXT[0] == PLAIN[0]
    assert set(map(repr, [*TEXT, TEXT[0]])) == {"SecretText('***')"}
    assert "".join(TEXT) == PLAIN
    assert (list(BYTES), BYTES[0]) == (list(PLAIN.encode()), PLAIN.encode()[0])


@pytest.mark.parametrize("value", [LONG_TEXT, LONG_BYTES], ids=["text", "bytes"])
def test_a_tool_that_shortens_values_before_it_shows_them_shows_a_mask(value):
    def fails(value):
        raise ValueError("bare")

    with pytest.raises(ValueError, match="bare") as caught:
        fails(value)
    shown = rich.console.Console(file=io.StringIO(), width=200, record=True)
    shown.print(rich.traceback.Traceback.from_exception(*caught._excinfo, show_locals=True))
    text = shown.export_text()
    assert "***" in text
    assert "pl4" not in text
    structured = structlog.tracebacks.extract(*caught._excinfo, show_locals=True, use_rich=False)
    shown = repr(structured)
    assert "***" in shown
    assert "pl4" not in shown


def test_a_value_takes_no_attributes():
    for value in (TEXT, BYTES):
        with pytest.raises(AttributeError):
            value.note = "pl4nted"
