"""What is stored, read as a document, as a field of one, or as bytes."""

from __future__ import annotations

import json
import pickle
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from support.stored import DB, STORED, fault_of, store

from core_backend import (
    SecretBytes,
    SecretId,
    SecretName,
    SecretText,
    clear_secrets,
    get_secret,
    get_secrets,
)

if TYPE_CHECKING:
    from support.scripted import World


async def test_json_is_read_as_a_document(w: World) -> None:
    document = await get_secret(DB.json())
    assert document == STORED
    assert json.loads(json.dumps(document)) == STORED


async def test_a_document_shows_none_of_its_strings(w: World) -> None:
    document = await get_secret(DB.json())
    assert "pl4nted" not in repr(document)
    assert type(document["hosts"][1]["deep"][0]) is SecretText
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(document)


@pytest.mark.parametrize("value", ["pl4nted", 3, 2.5, True, None, [], {}])
async def test_a_document_can_be_a_single_value(w: World, value: object) -> None:
    store(w, json.dumps(value))
    assert await get_secret(DB.json()) == value


async def test_each_await_makes_a_document_of_its_own(w: World) -> None:
    pending = get_secret(DB.json())
    (await pending)["hosts"].clear()
    assert await pending == STORED
    assert w.calls == 1


@pytest.mark.parametrize("stored", ["", "pl4nted", "{'a': 'pl4nted'}", '{"a": "pl4nted"', "NaN1"])
@pytest.mark.parametrize("name", [DB.json(), DB.field("a")])
async def test_what_is_not_json_is_named_so(w: World, name: SecretName[Any], stored: str) -> None:
    store(w, stored)
    assert "it is not JSON" in str(await fault_of(name))


@pytest.mark.parametrize("name", [DB.json(), DB.field("a")])
@pytest.mark.parametrize("opening", ["[", '{"pl4nted":'])
async def test_a_hundred_thousand_brackets_are_a_fault_and_no_crash(
    w: World, name: SecretName[Any], opening: str
) -> None:
    store(w, opening * 100_000)
    assert "nested too deeply" in str(await fault_of(name))


@pytest.mark.parametrize("name", [DB.json(), DB.field("a")])
async def test_a_number_too_long_for_python_is_named_so(w: World, name: SecretName[Any]) -> None:
    store(w, f'{{"a": "pl4nted", "n": {"7" * (sys.get_int_max_str_digits() + 1)}}}')
    error = str(await fault_of(name))
    assert "its JSON has a number of too many digits to be read; store it as a string" in error
    assert "777" not in error


async def test_what_json_can_read_is_masked_however_deep_it_is(w: World) -> None:
    store(w, "[" * 800 + '"pl4nted"' + "]" * 800)
    document = await get_secret(DB.json())
    while isinstance(document, list):
        [document] = document
    assert type(document) is SecretText


async def test_a_field_is_text_like_any_other(w: World) -> None:
    user, password = await get_secrets(DB.field("username"), DB.field("password"))
    assert f"{user}:{password}" == "pl4nted-user:pl4nted-pässword"
    assert repr((user, password)) == "(SecretText('***'), SecretText('***'))"


async def test_a_missing_field_is_named_and_the_others_are_not(w: World) -> None:
    store(w, '{"pl4nted-token": "x"}')
    error = await fault_of(DB.field("pasword"))
    assert "its JSON has no field 'pasword'" in str(error)


@pytest.mark.parametrize(
    ("stored", "kind"), [("[1]", "an array"), ("3", "a number"), ('"a"', "a string")]
)
async def test_what_is_no_object_has_no_fields(w: World, stored: str, kind: str) -> None:
    store(w, stored)
    assert f"its JSON is {kind}, not an object" in str(await fault_of(DB.field("a")))


@pytest.mark.parametrize(
    ("key", "kind"),
    [("port", "a number"), ("hosts", "an array"), ("tls", "true or false"), ("none", "null")],
)
async def test_a_field_that_is_no_string_is_not_made_one(w: World, key: str, kind: str) -> None:
    error = str(await fault_of(DB.field(key)))
    assert f"its field {key!r} is {kind}, not a string; say how to read it, such as" in error
    assert f".field({key!r}, parse=int), or declare its name with .json()" in error


async def test_a_field_of_any_kind_is_read_by_a_parser(w: World) -> None:
    values = await get_secrets(
        DB.field("port", parse=int),
        DB.field("tls", bool),
        DB.field("hosts", parse=list),
        DB.field("none", repr),
        DB.field("username", len),
        DB.field("password", str.upper),
    )
    assert values[:2] == (5432, True)
    assert values[2] == STORED["hosts"]
    assert values[3:5] == ("None", len("pl4nted-user"))
    assert values[5] == "PL4NTED-PÄSSWORD"
    assert "pl4nted" not in repr(values).lower()


async def test_a_parser_of_a_field_is_given_plain_text(w: World) -> None:
    # Some parsers in C take str itself, and no subclass of it.
    assert await get_secret(DB.field("username", parse=type)) is str


async def test_a_field_that_does_not_parse_is_named(w: World) -> None:
    error = str(await fault_of(DB.field("password", parse=int)))
    assert "its field 'password' could not be parsed (ValueError); check what was" in error


async def test_text_or_binary_is_read_as_it_is_stored(w: World) -> None:
    assert await get_secret(DB.as_stored()) == json.dumps(STORED)
    assert type(await get_secret(DB.as_stored())) is SecretText
    clear_secrets()
    store(w, b"\x00pl4nted")
    assert await get_secret(DB.as_stored()) == b"\x00pl4nted"
    assert type(await get_secret(DB.as_stored())) is SecretBytes


async def test_an_id_known_at_run_time_has_the_shapes(w: World) -> None:
    secret = SecretId("prod/db")
    document, user, port, upper = await get_secrets(
        secret.json(),
        secret.field("username"),
        secret.field("port", parse=int),
        SecretId("prod/db", parse=str.upper),
    )
    assert (document, user, port) == (STORED, "pl4nted-user", 5432)
    assert upper == json.dumps(STORED).upper()
    assert await get_secret(secret.as_stored()) == json.dumps(STORED)
    await get_secrets(secret.staged("AWSPREVIOUS"), secret.versioned("v0").json())
    assert [(r.stage, r.version_id) for r in w.source.calls] == [
        ("AWSCURRENT", None),
        ("AWSPREVIOUS", None),
        ("AWSCURRENT", "v0"),
    ]
    store(w, b"\x00pl4nted")
    assert await get_secret(secret.binary(), fresh=True) == b"\x00pl4nted"


async def test_binary_is_bytes_that_do_not_show(w: World) -> None:
    store(w, b"\x00pl4nted")
    value = await get_secret(DB.binary())
    assert value == b"\x00pl4nted"
    assert type(value) is SecretBytes


async def test_binary_is_parsed_from_plain_bytes(w: World) -> None:
    store(w, msgspec.msgpack.encode({"key": "pl4nted"}))
    kinds: list[type] = []

    def parse(data: bytes) -> Any:
        kinds.append(type(data))
        return msgspec.msgpack.decode(data)

    assert await get_secret(DB.binary(parse)) == {"key": "pl4nted"}
    assert kinds == [bytes]


async def test_binary_that_does_not_parse_is_a_fault(w: World) -> None:
    store(w, b"\xffpl4nted")
    error = await fault_of(DB.binary(bytes.decode))
    assert "could not be parsed (UnicodeDecodeError)" in str(error)


@pytest.mark.parametrize("name", [DB, DB.json(), DB.field("a"), SecretName("db", parse=len)])
async def test_binary_read_as_text_is_named_so(w: World, name: SecretName[Any]) -> None:
    store(w, b'{"a": "pl4nted"}')
    assert "it is binary, and is read as text" in str(await fault_of(name))


@pytest.mark.parametrize("name", [DB.binary(), DB.binary(len)])
async def test_text_read_as_binary_is_named_so(w: World, name: SecretName[Any]) -> None:
    assert "it is text, and is read as binary" in str(await fault_of(name))
