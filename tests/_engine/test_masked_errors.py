"""Errors that print as they would, but for the values in them."""

from __future__ import annotations

import ast
import json
import traceback

import pytest

from core_backend._engine.masking import masked_error, written_forms

VALUE = "pl4nted-mask"
FORMS = written_forms(VALUE)


def printed(error):
    return "".join(traceback.format_exception(error))


def raised(error, cause=None):
    try:
        raise error from cause
    except BaseException as caught:  # noqa: BLE001  # also those that end a program
        return caught


def test_an_error_with_nothing_to_mask_is_the_same_object():
    error = raised(ValueError("plain"), KeyError("plain"))
    assert masked_error(error, FORMS) is error


def test_an_error_prints_as_it_would_but_for_the_value():
    error = raised(KeyError(VALUE))
    assert printed(masked_error(error, FORMS)) == printed(error).replace(VALUE, "***")
    assert str(error) == repr(VALUE)


def test_an_error_of_a_library_keeps_its_full_name():
    error = raised(json.JSONDecodeError(VALUE, "", 0))
    assert (
        printed(masked_error(error, FORMS))
        .splitlines()[-1]
        .startswith("json.decoder.JSONDecodeError: ***: line 1")
    )


@pytest.mark.parametrize("value", ["pl4nted mask(", "first = 1\npl4nted mask(\n"])
def test_the_line_that_cannot_be_parsed_is_not_shown(value):
    forms = written_forms(value)
    with pytest.raises(SyntaxError) as caught:
        ast.parse(value)
    shown = printed(masked_error(caught.value, forms))
    assert "pl4nted" in printed(caught.value)
    assert "pl4nted" not in shown
    assert shown.splitlines()[-1].startswith("SyntaxError: ")


def test_a_line_of_somebody_elses_that_cannot_be_parsed_is_shown():
    for source in ("1 +", "\n"):
        error = SyntaxError("invalid syntax", ("f.py", 1, 1, source))
        assert masked_error(error, FORMS) is error


def test_what_only_the_repr_of_an_error_shows_is_masked():
    with pytest.raises(UnicodeDecodeError) as caught:
        (VALUE.encode() + b"\xff").decode()
    assert "pl4nted" in repr(caught.value)
    assert "pl4nted" not in repr(masked_error(caught.value, FORMS))


def test_causes_contexts_and_notes_are_masked():
    cause = ValueError(f"cause {VALUE}")
    cause.add_note(f"note {VALUE}")
    error = raised(RuntimeError("outer"), cause)
    text = printed(masked_error(error, FORMS))
    assert text == printed(error).replace(VALUE, "***")
    try:
        try:
            raise ValueError(VALUE)
        except ValueError:
            raise RuntimeError("while handling")  # noqa: B904  # that is what a context is
    except RuntimeError as caught:
        assert printed(masked_error(caught, FORMS)) == printed(caught).replace(VALUE, "***")


def test_a_cause_that_is_hidden_stays_hidden():
    try:
        try:
            raise ValueError(VALUE)
        except ValueError:
            raise RuntimeError(VALUE) from None
    except RuntimeError as caught:
        assert printed(masked_error(caught, FORMS)) == printed(caught).replace(VALUE, "***")


def test_the_members_of_groups_are_masked():
    inner = ExceptionGroup("inner", [ValueError(VALUE), KeyError("plain")])
    inner.add_note(VALUE)
    error = raised(BaseExceptionGroup(f"outer {VALUE}", [inner, KeyboardInterrupt()]))
    assert printed(masked_error(error, FORMS)).replace("ExceptionGroup", "") == printed(
        error
    ).replace(VALUE, "***").replace("ExceptionGroup", "")


def test_one_error_in_two_places_is_masked_once():
    one = ValueError(VALUE)
    group = masked_error(raised(ExceptionGroup("twice", [one, one]), one), FORMS)
    assert group.exceptions[0] is group.exceptions[1] is group.__cause__


def test_errors_that_go_round_in_a_circle_are_masked():
    one, other = ValueError(VALUE), KeyError("plain")
    one.__context__, other.__context__ = other, one
    text = printed(masked_error(one, FORMS))
    assert "pl4nted" not in text
    assert "***" in text


def test_an_error_without_text_or_with_odd_notes_is_no_reason_to_fail():
    class WordlessError(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    error = raised(WordlessError(), ValueError(VALUE))
    error.__notes__ = [VALUE, 7]
    assert "pl4nted" not in printed(masked_error(error, FORMS))
