"""What type checkers make of awaited values. Never executed: mypy and pyright have to accept it."""

from __future__ import annotations

import dataclasses
from typing import Any, assert_type

import msgspec
import pydantic

from core_backend import (
    PendingSecret,
    SecretBatch,
    SecretBytes,
    SecretId,
    SecretName,
    SecretText,
    get_env,
    get_secret,
    get_secrets,
)


@dataclasses.dataclass
class DbCredentials:
    username: str
    password: str

    @classmethod
    def from_json(cls, text: str) -> DbCredentials:
        raise NotImplementedError


class Model(pydantic.BaseModel):
    username: str


class Struct(msgspec.Struct):
    username: str


DB = SecretName("db", parse=DbCredentials.from_json)
KEY = SecretName("api-key")
CERTIFICATE = SecretName("certificate")

# --- shapes

assert_type(KEY.json(), SecretName[Any])
assert_type(KEY.field("password"), SecretName[str])
assert_type(KEY.field("port", parse=int), SecretName[int])
assert_type(KEY.field("hosts", list[str]), SecretName[list[str]])
assert_type(KEY.as_stored(), SecretName[str | bytes])
assert_type(KEY.as_stored().staged("AWSPREVIOUS"), SecretName[str | bytes])
assert_type(KEY.binary(), SecretName[bytes])
assert_type(KEY.binary(int.from_bytes), SecretName[int])
assert_type(KEY.field("password").staged("AWSPREVIOUS"), SecretName[str])
assert_type(KEY.binary().versioned("0" * 32), SecretName[bytes])
assert_type(KEY.staged("AWSPENDING").json(), SecretName[Any])
assert_type(SecretName("db", parse=DbCredentials.from_json), SecretName[DbCredentials])
assert_type(SecretName("db", parse=Model.model_validate_json), SecretName[Model])
assert_type(SecretName("db", parse=msgspec.json.Decoder(Struct).decode), SecretName[Struct])

SecretName("db", parse=len, stage="x").field(3)  # type: ignore[call-overload]
SecretName("db").binary(parse=str.strip)  # type: ignore[arg-type]

# --- ids that are known only at run time have the same shapes

ID = SecretId("prod/db")

assert_type(ID.json(), SecretId[Any])
assert_type(ID.field("password"), SecretId[str])
assert_type(ID.field("port", parse=int), SecretId[int])
assert_type(ID.binary(), SecretId[bytes])
assert_type(ID.binary(int.from_bytes), SecretId[int])
assert_type(ID.as_stored(), SecretId[str | bytes])
assert_type(ID.field("port", int).staged("AWSPREVIOUS"), SecretId[int])
assert_type(ID.binary().versioned("0" * 32), SecretId[bytes])
assert_type(SecretId("prod/db", parse=DbCredentials.from_json), SecretId[DbCredentials])
assert_type(get_env(KEY).field("port", int), SecretId[int])

ID.field("port", parse=5432)  # type: ignore[call-overload]
ID.binary(parse=str.strip)  # type: ignore[arg-type]

# --- plain values, for libraries that take no subclass

assert_type(SecretText("x").plain(), str)
assert_type(SecretBytes(b"x").plain(), bytes)

# --- through the environment

assert_type(get_env(DB), SecretId[DbCredentials])
assert_type(get_env(KEY.field("password")), SecretId[str])
assert_type(get_env(KEY.binary()), SecretId[bytes])


async def values() -> None:
    a, b = await get_secrets(DB, KEY)
    assert_type(a, DbCredentials)
    assert_type(b, str)
    assert_type(await get_secrets(DB, KEY), tuple[DbCredentials, str])
    assert_type(await get_secrets(get_env(DB), get_env(KEY)), tuple[DbCredentials, str])
    assert_type(await get_secrets("prod/key", DB), tuple[str, DbCredentials])
    assert_type(
        await get_secrets(DB.json(), KEY.field("x"), CERTIFICATE.binary(), DB),
        tuple[Any, str, bytes, DbCredentials],
    )
    assert_type(get_secrets(DB, KEY).result(), tuple[DbCredentials, str])
    assert_type(get_secret(DB), PendingSecret[DbCredentials])
    assert_type(await get_secret(DB, fresh=True), DbCredentials)
    assert_type(await get_secret(get_env(CERTIFICATE.binary())), bytes)
    assert_type(get_secret(KEY.field("password")).result(timeout=1), str)
    assert_type(await get_secret(KEY.as_stored()), str | bytes)
    assert_type(await get_secret(ID.field("port", parse=int)), int)
    assert_type(await get_secrets(ID.json(), ID.binary(), ID), tuple[Any, bytes, str])


# --- a value is typed as str, and not as SecretText: the following would be refused otherwise


def send(headers: dict[str, str], keys: list[str]) -> None:
    raise NotImplementedError


async def ordinary_uses() -> None:
    key = await get_secret(KEY)
    headers = {"X-Key": key}
    headers["Accept"] = "text/plain"
    keys = [key, await get_secret("prod/key")]
    send(headers, keys)
    key = key.replace("\\n", "\n").strip()
    assert_type(str(key), str)
    assert_type(bytes(await get_secret(CERTIFICATE.binary())), bytes)
    key.plain()  # type: ignore[attr-defined]


async def handles() -> None:
    [credentials, key] = get_secrets(DB, KEY)
    assert_type(credentials, PendingSecret[DbCredentials])
    assert_type(key, PendingSecret[str])
    batch = get_secrets(get_env(DB), get_env(KEY))
    assert_type(
        batch,
        SecretBatch[tuple[DbCredentials, str], PendingSecret[DbCredentials], PendingSecret[str]],
    )
    assert_type(batch[0], PendingSecret[DbCredentials])
    assert_type(await batch[1], str)


async def any_number(names: list[SecretName[str]], ids: tuple[str, ...]) -> None:
    assert_type(await get_secrets(*names), tuple[Any, ...])
    assert_type(await get_secrets(*ids, fresh=True), tuple[Any, ...])
    assert_type(await get_secrets(DB, *names), tuple[Any, ...])
    assert_type(await get_secrets("a", "b", "c", "d", "e", "f", "g", "h"), tuple[Any, ...])
    for pending in get_secrets(*names):
        assert_type(pending, PendingSecret[Any])
