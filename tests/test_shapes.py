"""Values as they are declared: JSON, one field, binary, any parser; and what is said if not so."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import TYPE_CHECKING, Any

import msgspec
import pydantic
import pytest
from support.scripted import World, world

from core_backend import (
    InvalidSecretNameError,
    SecretBytes,
    SecretFormatError,
    SecretName,
    SecretsFailedError,
    SecretText,
    get_env,
    get_secret,
    get_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DB = SecretName("db")
STORED = {
    "username": "pl4nted-user",
    "password": "pl4nted-pässword",
    "port": 5432,
    "hosts": ["pl4nted-host", {"deep": ["pl4nted-deep"]}],
    "tls": True,
    "none": None,
}


@pytest.fixture
def w(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("DB", "prod/db")
    with world() as made:
        made.source.secrets["prod/db"] = json.dumps(STORED)
        yield made


def store(w: World, value: str | bytes) -> None:
    w.source.secrets["prod/db"] = value


async def fault_of(name: SecretName[Any]) -> SecretFormatError:
    """Return the error of reading the secret so, having looked through it for the value."""
    with pytest.raises(SecretFormatError) as caught:
        await get_secret(name)
    error = caught.value
    assert error.secret_id == "prod/db"
    assert str(error).startswith("secret 'prod/db': ")
    assert error.__cause__ is error.__context__ is None
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    shown = repr((error, error.args, vars(error)))
    shown += "".join(repr(f.f_locals) for f in frames if "core_backend" in f.f_code.co_filename)
    assert "pl4nted" not in shown
    return error


# --- JSON


async def test_json_is_read_as_a_document(w: World) -> None:
    document = await get_secret(DB.json())
    assert document == STORED
    assert json.loads(json.dumps(document)) == STORED


async def test_a_document_shows_none_of_its_strings(w: World) -> None:
    document = await get_secret(DB.json())
    assert "pl4nted" not in repr(document)
    assert type(document["hosts"][1]["deep"][0]) is SecretText
    with pytest.raises(TypeError, match="not pickled"):
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


async def test_what_json_can_read_is_masked_however_deep_it_is(w: World) -> None:
    store(w, "[" * 800 + '"pl4nted"' + "]" * 800)
    document = await get_secret(DB.json())
    while isinstance(document, list):
        [document] = document
    assert type(document) is SecretText


# --- one field


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
    error = await fault_of(DB.field(key))
    assert f"its field {key!r} is {kind}, not a string; declare its name with .json()" in str(error)


# --- binary


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


# --- any parser


@dataclasses.dataclass(frozen=True)
class Credentials:
    username: str
    port: int

    @classmethod
    def from_json(cls, text: str) -> Credentials:
        document = json.loads(text)
        return cls(document["username"], document["port"])


class Model(pydantic.BaseModel):
    username: str
    password: pydantic.SecretStr
    port: int


class Struct(msgspec.Struct):
    username: str
    port: int


PARSERS = [
    Credentials.from_json,
    Model.model_validate_json,
    msgspec.json.Decoder(Struct).decode,
]


@pytest.mark.parametrize("parse", PARSERS)
async def test_a_parser_makes_what_it_makes(w: World, parse: Any) -> None:
    made = await get_secret(SecretName("db", parse=parse))
    assert (made.username, made.port) == ("pl4nted-user", 5432)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("stored", ['{"username": "pl4nted"}', "pl4nted", "[" * 100_000])
async def test_what_a_parser_makes_of_a_wrong_value_quotes_nothing(
    w: World, parse: Any, stored: str
) -> None:
    store(w, stored)
    error = await fault_of(SecretName("db", parse=parse))
    assert "could not be parsed" in str(error)


async def test_a_parser_is_given_plain_text(w: World) -> None:
    # Some parsers in C take str itself, and no subclass of it.
    assert await get_secret(SecretName("db", parse=type)) is str


async def test_plain_text_out_of_a_parser_does_not_show(w: World) -> None:
    store(w, " pl4nted\n")
    value = await get_secret(SecretName("db", parse=str.strip))
    assert value == "pl4nted"
    assert repr(value) == "SecretText('***')"


# --- several of one secret


async def test_all_shapes_of_one_secret_share_one_fetch(w: World) -> None:
    text, document, user, credentials = await get_secrets(
        DB, DB.json(), DB.field("username"), SecretName("db", parse=Credentials.from_json)
    )
    assert json.loads(text) == document
    assert user == document["username"] == credentials.username
    assert w.calls == 1
    assert await get_secret(DB.field("password")) == STORED["password"]
    assert w.calls == 1


async def test_another_stage_or_version_is_another_fetch(w: World) -> None:
    await get_secrets(DB.json(), DB.json().staged("AWSPREVIOUS"), DB.json().versioned("v0"))
    assert [(r.stage, r.version_id) for r in w.source.calls] == [
        ("AWSCURRENT", None),
        ("AWSPREVIOUS", None),
        ("AWSCURRENT", "v0"),
    ]


async def test_every_shape_that_fails_is_named(w: World) -> None:
    with pytest.raises(SecretFormatError) as caught:
        await get_secrets(DB.field("one"), DB.field("two"), DB.field("one"), DB)
    one, two = str(caught.value).splitlines()
    assert "its JSON has no field 'one'" in one
    assert "its JSON has no field 'two'" in two
    with pytest.raises(SecretsFailedError) as several:
        await get_secrets(DB.field("one"), "absent", DB.field("two"))
    assert several.value.failures.keys() == {"prod/db", "absent"}
    assert str(several.value.failures["prod/db"]) == str(caught.value)


# --- declaring


@pytest.mark.parametrize(
    "name",
    [DB.json(), DB.field("a"), DB.binary(), DB.binary(len), DB.staged("x"), DB.versioned("v")],
)
def test_every_shape_is_the_same_secret(w: World, name: SecretName[Any]) -> None:
    assert name == DB
    assert name.env_key == "DB"
    assert get_env(name) == "prod/db"
    assert repr(name) == "SecretName('db')"


def test_shape_and_version_are_kept_by_one_another() -> None:
    read = DB.field("a").parse
    assert read is not None
    assert SecretName("db", parse=len).staged("AWSPENDING").parse is len
    assert DB.staged("AWSPENDING").json().stage == "AWSPENDING"
    assert DB.staged("AWSPENDING").field("a").stage == "AWSPENDING"
    assert DB.versioned("v1").binary().version_id == "v1"


def test_a_field_that_is_no_str_is_refused_where_it_is_declared() -> None:
    with pytest.raises(InvalidSecretNameError, match="field of secret 'db' is to be a str, not a"):
        DB.field(3)  # type: ignore[arg-type]


def test_a_parser_that_is_none_is_refused_where_it_is_declared() -> None:
    with pytest.raises(InvalidSecretNameError, match="parse of secret 'db' is a int"):
        DB.binary(3)  # type: ignore[call-overload]
