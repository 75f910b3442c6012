"""Parsers of any kind, and names in several shapes."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import traceback
from typing import TYPE_CHECKING, Any

import msgspec
import pydantic
import pytest
from support.leaks import assert_sealed
from support.stored import DB, STORED, fault_of, store

from core_backend import (
    InvalidSecretNameError,
    SecretFormatError,
    SecretId,
    SecretName,
    SecretsFailedError,
    get_env,
    get_secret,
    get_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.scripted import World


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


class Panic(BaseException):  # as pyo3's PanicException, which Rust panics become
    """What is no Exception."""


@pytest.mark.parametrize(
    "kind", [Panic, asyncio.CancelledError, RecursionError, BaseExceptionGroup]
)
async def test_each_error_of_a_parser_becomes_a_fault_that_quotes_nothing(
    w: World, kind: type[BaseException]
) -> None:
    def parse(text: str) -> None:
        members = ([Panic(text)],) if kind is BaseExceptionGroup else ()
        raise kind(f"bad {text}", *members)

    name = SecretName("db", parse=parse)
    error = await fault_of(name)
    assert f"could not be parsed ({kind.__name__})" in str(error)
    for ask in (get_secret(name).result, get_secrets(name, DB).result):
        with pytest.raises(SecretFormatError) as caught:
            ask()
        assert_sealed(caught.value)
    with pytest.raises(SecretFormatError) as caught:
        await get_secrets(name, DB)
    assert_sealed(caught.value)


class Interrupted(KeyboardInterrupt):
    """What a signal's handler may raise."""


@pytest.mark.parametrize(
    ("ending", "bare"),
    [
        (KeyboardInterrupt, KeyboardInterrupt()),
        (Interrupted, KeyboardInterrupt()),
        (GeneratorExit, GeneratorExit()),
        (SystemExit, SystemExit(1)),
        (lambda _: SystemExit(3), SystemExit(3)),
        (lambda _: SystemExit(), SystemExit(None)),
    ],
)
@pytest.mark.parametrize("of", [get_secret, get_secrets])
def test_what_ends_the_process_passes_a_parser_and_quotes_nothing(
    w: World, of: Any, ending: Callable[[str], BaseException], bare: BaseException
) -> None:
    def parse(text: str) -> None:
        try:
            raise ValueError(text)
        except ValueError:
            raise ending(text) from None

    with pytest.raises(type(bare)) as caught:
        of(SecretName("db", parse=parse)).result()
    error = caught.value
    assert (type(error), error.args) == (type(bare), bare.args)
    assert "parse" not in [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.tb)]
    assert_sealed(error)


async def test_a_parser_is_given_plain_text(w: World) -> None:
    # Some parsers in C take str itself, and no subclass of it.
    assert await get_secret(SecretName("db", parse=type)) is str


async def test_plain_text_out_of_a_parser_does_not_show(w: World) -> None:
    store(w, " pl4nted\n")
    value = await get_secret(SecretName("db", parse=str.strip))
    assert value == "pl4nted"
    assert repr(value) == "SecretText('***')"


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


@pytest.mark.parametrize(
    "name",
    [DB.json(), DB.field("a"), DB.binary(), DB.binary(len), DB.staged("x"), DB.versioned("v")],
)
def test_every_shape_is_the_same_secret(w: World, name: SecretName[Any]) -> None:
    assert str(name) == "db"
    assert name.env_key == "DB"
    assert str(get_env(name)) == "prod/db"


def test_shape_and_version_are_kept_by_one_another() -> None:
    read = DB.field("a").parse
    assert read is not None
    assert SecretName("db", parse=len).staged("AWSPENDING").parse is len
    assert DB.staged("AWSPENDING").json().stage == "AWSPENDING"
    assert DB.staged("AWSPENDING").field("a").stage == "AWSPENDING"
    assert DB.versioned("v1").binary().version_id == "v1"


@pytest.mark.parametrize("name", [DB.json(), DB.field("a"), DB.staged("x"), DB.versioned("v")])
def test_a_name_made_of_another_does_not_lose_its_shape_unnoticed(name: SecretName[Any]) -> None:
    with pytest.raises(InvalidSecretNameError, match=r"'db', .* has a shape, .* text: str\(name\)"):
        SecretName(name)
    with pytest.raises(InvalidSecretNameError, match="has a shape, stage, version or variable"):
        SecretId(name)
    assert SecretName(str(name)).parse is None
    assert SecretName(DB) == DB
    assert SecretId(DB) == "db"


def test_a_name_made_of_another_does_not_lose_its_variable_unnoticed() -> None:
    name = SecretName("db", env_key="DB_ARN")
    with pytest.raises(InvalidSecretNameError, match="'DB_ARN'. has a shape, stage, version or"):
        SecretName(name)
    assert SecretName(name, env_key="DB_ARN") == name
    assert SecretName(SecretId("db")) == SecretName("db")
