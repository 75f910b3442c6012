"""What a value may be written as, and what becomes of text, objects and errors that hold it."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections import OrderedDict, namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_backend._engine.masking import masked, masked_text, written_forms
from core_backend.values import SecretBytes, SecretText

VALUE = "pl4nted-mask"
FORMS = written_forms(VALUE)
# Everything that some way of writing changes.
AWKWARD = 'pl4nted "it\'s" / \\ ü € \n\t +%&=;,$'


def shown_as(text, value):
    return masked_text(text, written_forms(value))


def test_a_value_is_masked_wherever_it_stands():
    assert shown_as(f"{VALUE} and {VALUE}, x{VALUE}x", VALUE) == "*** and ***, x***x"


@pytest.mark.parametrize(
    "write",
    [
        str,
        repr,
        ascii,
        json.dumps,
        lambda text: repr(f"pw={text}".encode()),
        lambda text: repr(b"'" + text.encode()),
        lambda text: repr([text, "it's"]),
        lambda text: repr(f"\"both'{text}"),
        lambda text: json.dumps({"key": text}, ensure_ascii=False),
        urllib.parse.quote,
        urllib.parse.quote_plus,
        lambda text: urllib.parse.quote(text, safe=""),
        lambda text: f"https://user:{urllib.parse.quote(text, safe='')}@host",
        lambda text: urllib.parse.urlencode({"key": text}),
    ],
)
def test_a_value_is_masked_in_every_way_of_writing_it(write):
    text = write(AWKWARD)
    assert "pl4nted" in text
    assert "pl4nted" not in shown_as(text, AWKWARD)


@given(st.text(min_size=6).map(str.strip).filter(lambda text: len(text) >= 6))
def test_any_text_is_masked_plain_and_escaped(value):
    for written in (value, repr(value), ascii(value), json.dumps(value), repr([f"'\"{value}"])):
        assert "***" in shown_as(written, value)


@pytest.mark.parametrize("text", ["pässword-12", "it's \U0001f511", '"it\'s" clé\n', "\udc80-text"])
def test_text_that_is_logged_as_bytes_is_masked(text):
    for around in (b"%s", b"<%s>", b"'%s", b"\"'%s"):
        written = repr(around % text.encode(errors="replace"))
        assert shown_as(written, text).strip("b'\"\\n<>") == "***"


def test_bytes_of_plain_ascii_are_no_form_of_their_own():
    assert not [form for form in written_forms(VALUE) if form != VALUE]


def test_a_line_end_that_came_with_the_value_does_not_keep_it_from_being_found():
    assert shown_as(f"key={VALUE}.", f"{VALUE}\n") == "key=***."


def test_a_value_of_several_lines_is_masked_as_a_whole():
    key = "-----BEGIN KEY-----\npl4nted-1\npl4nted-2\n-----END KEY-----\n"
    assert shown_as(f"key: {key}", key) == "key: ***\n"
    assert "pl4nted" not in shown_as(repr({"key": key}), key)


def test_bytes_are_masked_as_text_base64_hex_and_repr():
    raw = b"\xff\xfe pl4nted \x00\x01"
    for written in (
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        raw.hex(),
        repr(raw),
        raw.decode("utf-8", "replace"),
    ):
        assert "***" in shown_as(f"<{written}>", SecretBytes(raw))
    assert shown_as(VALUE, VALUE.encode()) == "***"


def test_no_form_of_a_fetched_value_survives_masking():
    assert written_forms(SecretText(VALUE)) == FORMS


def test_the_strings_of_a_json_value_are_masked_at_any_depth():
    document = json.dumps(
        {"password": "pl4nted-pw", "nodes": [{"token": "pl4nted-tk"}, ["pl4nted-li"]], "n": 1}
    )
    assert shown_as("pl4nted-pw pl4nted-tk pl4nted-li", document) == "*** *** ***"
    assert shown_as(f"all: {document}", document) == "all: ***"
    assert shown_as(f"all: {json.loads(document)}", document).count("***") == 3
    assert shown_as("a pl4nted-ws.", json.dumps({"key": " pl4nted-ws\n"})) == "a ***."
    assert shown_as("a pl4nted-st.", json.dumps("pl4nted-st")) == "a ***."


@pytest.mark.parametrize("value", ["", "1", "true", "12345", "  true \n", '""', b"", b"1"])
def test_a_short_value_masks_nothing(value):
    assert not written_forms(value)


def test_a_document_is_looked_for_only_where_a_string_of_it_was_found():
    document = json.dumps({"user": "orders", "password": "pl4nted-pw"})
    assert written_forms(document)["pl4nted-pw"]
    assert [*written_forms(document)] == ["pl4nted-pw"]
    assert shown_as(f"{document} pl4nted-pw", document) == "*** ***"
    encoded = base64.b64encode(document.encode()).decode()
    assert shown_as(encoded, document.encode()) == "***"


def test_short_strings_numbers_and_booleans_in_a_json_value_mask_nothing():
    document = json.dumps(
        {"user": "orders", "port": 5432_5432, "on": True, "none": None, "list": [], "": ""}
    )
    line = "orders on port 54325432: True, None, [] {}"
    assert shown_as(line, document) == line


def test_what_is_no_json_or_too_deep_is_text_and_no_more():
    deep = "[" * 100_000
    assert shown_as(f"{deep}", deep) == "***"
    assert shown_as("is {no json}", "{no json}") == "is ***"


def test_values_that_overlap_leave_nothing_of_either():
    forms = {"pl4nted-abc": (), "abc-pl4nted": ()}
    assert masked_text("<pl4nted-abc-pl4nted>", forms) == "<***>"
    assert masked_text("<pl4nted-abcabc-pl4nted>", forms) == "<******>"


def test_a_value_that_overlaps_itself_is_masked_to_its_end():
    assert masked_text("<xyxyxyxy>", {"xyxyxy": ()}) == "<***>"


def test_a_value_within_another_is_masked_with_it_and_alone():
    forms = {"pl4nted": ["pl4nted-long", "long-pl4nted"]}
    assert masked_text("pl4nted-long pl4nted", forms) == "*** ***"


def test_text_with_nothing_to_mask_is_the_same_object():
    text = "nothing here"
    assert masked_text(text, FORMS) is text


Pair = namedtuple("Pair", "a b")  # noqa: PYI024  # old ones are logged as well


class Shows:
    """Shows the value in one way and not in the other."""

    def __init__(self, text="", representation="Shows()"):
        self.text, self.representation = text, representation

    def __str__(self):
        return self.text

    def __repr__(self):
        return self.representation


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (VALUE, "***"),
        (SecretText(VALUE), "***"),
        (VALUE.encode(), "b'***'"),
        (bytearray(VALUE.encode()), "bytearray(b'***')"),
        ({"a": {"b": [VALUE]}}, {"a": {"b": ["***"]}}),
        ({VALUE: 1}, {"***": 1}),
        ([SecretText(VALUE), 1], ["***", 1]),
        ((1, (VALUE,)), (1, ("***",))),
        ({VALUE}, {"***"}),
        (frozenset({VALUE}), frozenset({"***"})),
        (OrderedDict(a=VALUE), {"a": "***"}),
        (Pair("x", VALUE), ("x", "***")),
        (Shows(f"it is {VALUE}"), "it is ***"),
        (Shows("nothing", f"<{VALUE}>"), "<***>"),
        ([Shows(VALUE)], ["***"]),
        (ValueError(VALUE), "***"),
    ],
)
def test_objects_and_containers_are_masked_in_a_copy(value, expected):
    assert masked(value, FORMS) == expected


@pytest.mark.parametrize(
    "value", [None, 1, 1.5, True, "plain", b"plain", [1, {"a": ("b",)}], {1}, Shows("x"), object()]
)
def test_what_has_nothing_to_mask_is_the_same_object(value):
    assert masked(value, FORMS) is value


def test_the_original_of_a_masked_container_is_as_it_was():
    original = {"a": [VALUE]}
    masked(original, FORMS)
    assert original == {"a": [VALUE]}


def test_a_container_that_holds_itself_does_not_show_the_value_through_that():
    loop = [VALUE]
    loop.append(loop)
    assert masked(loop, FORMS) == ["***", "***"]


def test_a_container_that_is_held_many_times_is_copied_once():
    shared = [VALUE]
    for _ in range(50):
        shared = [shared, shared]
    first, second = masked(shared, FORMS)
    assert first is second


def test_an_object_that_cannot_be_shown_is_passed_on_unchanged():
    class Broken:
        def __str__(self):
            raise RuntimeError("no text")

        __repr__ = __str__

    broken = Broken()
    assert masked(broken, FORMS) is broken
