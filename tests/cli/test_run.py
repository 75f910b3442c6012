"""Masking the values of a run in text that others wrote."""

from __future__ import annotations

import base64
import json

import pytest

from core_backend.cli.run import Mask
from core_backend.values import SecretBytes, SecretText


@pytest.mark.parametrize(
    "value",
    [
        SecretText("pl4nted-1"),
        SecretText("pl4nted 'both' \"quotes\" \\ and \N{SNOWMAN}"),
        SecretText("pl4nted\nsecond line pl4nted\ttab"),
        SecretBytes(b"\x00pl4nted\xff"),
        b"pl4nted",
        "pl4nted",
    ],
)
def test_a_value_is_masked_however_it_is_written(value):
    mask = Mask()
    mask.add(value)
    plain = str(value) if isinstance(value, str) else bytes(value).decode("latin-1")
    forms = [plain, repr(plain), json.dumps(plain)]
    if isinstance(value, bytes):
        forms = [repr(bytes(value)), base64.b64encode(value).decode()]

    for form in forms:
        shown = mask.text(f"before {form} after")
        assert form.strip("'\"") not in shown
        assert "pl4nted" not in shown
        assert shown.startswith("before ")
        assert shown.endswith(" after")


def test_the_parts_of_a_json_value_are_masked():
    mask = Mask()
    mask.add('{"user": "app", "password": "pl4nted-1", "hosts": ["pl4nted-2", 5, null]}')

    assert mask.text("app pl4nted-1 pl4nted-2 5 null") == "app *** *** 5 null"


def test_the_lines_of_a_long_value_are_masked():
    mask = Mask()
    mask.add("-----BEGIN KEY-----\npl4ntedpl4nted\n==\n-----END KEY-----\n")

    assert mask.text("bad: pl4ntedpl4nted, ==") == "bad: ***, =="


def test_the_longest_value_is_masked_first():
    mask = Mask()
    mask.add("pl4nted")
    mask.add("pl4nted-longer")

    assert mask.text("pl4nted-longer") == "***"


def test_a_value_of_many_brackets_can_be_added():
    mask = Mask()
    mask.add("[" * 200_000)

    assert mask.text("[[") == "[["


def test_blanks_are_not_masked():
    mask = Mask()
    mask.add(" ")

    assert mask.text("a b") == "a b"


def test_a_traceback_is_masked_with_its_causes():
    mask = Mask()
    mask.add("pl4nted-1")
    error = TypeError("of pl4nted-1")
    error.__cause__ = ValueError("pl4nted-1")

    shown = mask.traceback(error)

    assert "ValueError: ***" in shown
    assert shown.endswith("TypeError: of ***\n")
