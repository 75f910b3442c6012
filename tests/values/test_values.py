"""Values: text and bytes in every use, and a mask wherever they would show by accident."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import pprint
import reprlib
import traceback

import pytest

from core_backend import SecretBytes, SecretText

PLAIN = "pl4nted-value"
TEXT = SecretText(PLAIN)
BYTES = SecretBytes(PLAIN.encode())


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
    with pytest.raises(TypeError, match="a secret value is not pickled or copied.*str.value. or"):
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
        lambda value: value[:],
        str.strip,
        lambda value: json.loads(json.dumps(value)),
    ],
)
def test_text_that_is_made_of_a_value_is_plain_and_shows_itself(made):
    assert type(made(TEXT)) is str
    assert type(BYTES.decode()) is str


def test_a_value_takes_no_attributes():
    for value in (TEXT, BYTES):
        with pytest.raises(AttributeError):
            value.note = "pl4nted"
