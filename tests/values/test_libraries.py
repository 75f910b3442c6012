"""What takes a value as it is, and what wants ``value.plain()``: the table in docs/values.md."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import hashlib
import hmac
import json
import pickle
import re
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.postgres import Postgres, find_postgres, running_postgres

from core_backend import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GUIDE = Path(__file__).parents[2] / "docs/values.md"
# Long enough for HMAC keys, and no letters that a URL escapes.
VALUE = SecretText("pl4nted-key-of-more-than-32-characters")
PROGRAMS = find_postgres()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    if PROGRAMS is None:
        pytest.skip("no PostgreSQL server is installed")
    with running_postgres(PROGRAMS, password=VALUE.plain()) as server:
        yield server


def library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed; tox -e libraries has it")


def encode_a_token(key: str) -> Any:
    jwt = library("jwt")
    return jwt.decode(jwt.encode({"sub": "app"}, key, "HS256"), key, ["HS256"])


def encrypt(key: str) -> Any:
    fernet = library("cryptography.fernet").Fernet
    # The value itself is no such key: one as long as it has to be.
    text = type(key)("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=")
    return fernet(text).decrypt(fernet(text).encrypt(key.encode()))


def send_with_requests(key: str) -> Any:
    requests = library("requests")
    request = requests.Request(
        "POST", "http://x/", headers={"X-Key": key}, auth=("app", key), data={"key": key}
    ).prepare()
    return [*request.headers.items(), request.body]


def send_with_httpx(key: str) -> Any:
    httpx = library("httpx")
    request = httpx.Request("POST", "http://x/", headers={"X-Key": key}, json={"key": key})
    signed = next(httpx.BasicAuth("app", key).auth_flow(request))
    return signed.headers.raw, signed.read()


def send_with_urllib(key: str) -> Any:
    return urllib.request.Request("http://x/", key.encode(), {"X-Key": key}).header_items()


def sign_with_boto3(key: str) -> Any:
    client = library("boto3").client(
        "s3", region_name="eu-west-1", aws_access_key_id="AKID", aws_secret_access_key=key
    )
    url = client.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
    return re.sub("Expires=[0-9]+", "", url).partition("Signature")[0]


def put_into_dynamodb(key: str) -> Any:
    stub = library("botocore.stub")
    table = library("boto3").resource(
        "dynamodb", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    table = table.Table("keys")
    with stub.Stubber(table.meta.client) as stubber:
        expected = {"TableName": "keys", "Item": {"key": VALUE.plain()}}
        stubber.add_response("put_item", {}, expected)
        table.put_item(Item={"key": key})


def call_stripe(key: str) -> Any:
    stripe = library("stripe")
    seen: list[str] = []

    class Client(stripe.HTTPClient):
        name = "none"

        def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
            seen.append(headers["Authorization"])
            return "{}", 200, {}

        def close(self) -> None:
            pass

    stripe.StripeClient(key, http_client=Client()).v1.balance.retrieve()
    return seen


def verify_a_webhook(key: str) -> Any:
    stripe = library("stripe")
    signature = hmac.new(VALUE.encode(), b"1.{}", hashlib.sha256).hexdigest()
    return stripe.WebhookSignature.verify_header("{}", f"t=1,v1={signature}", key)


def where(server: Postgres) -> dict[str, str]:
    return {"host": server.socket_folder, "user": server.user}


def dsn(server: Postgres, key: str) -> str:
    return type(key)(f"postgresql://app:{key}@/postgres?host={server.socket_folder}")


def connect_with_psycopg(key: str, server: Postgres) -> Any:
    psycopg = library("psycopg")
    psycopg.connect(dsn(server, key)).close()
    with psycopg.connect(**where(server), dbname="postgres", password=key) as connection:
        return connection.execute("SELECT %s::text", [key]).fetchone()


def connect_with_psycopg2(key: str, server: Postgres) -> Any:
    psycopg2 = library("psycopg2")
    psycopg2.connect(dsn(server, key)).close()
    connection = psycopg2.connect(**where(server), dbname="postgres", password=key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [key])
        row = cursor.fetchone()
    connection.close()
    return row


def connect_with_asyncpg(key: str, server: Postgres) -> Any:
    asyncpg = library("asyncpg")

    async def connect() -> None:
        connection = await asyncpg.connect(**where(server), database="postgres", password=key)
        await connection.close()

    asyncio.run(connect())


def ask_with_asyncpg(key: str, server: Postgres) -> Any:
    asyncpg = library("asyncpg")

    async def ask() -> Any:
        connection = await asyncpg.connect(dsn(server, key))
        try:
            return await connection.fetchval("SELECT $1::text", key)
        finally:
            await connection.close()

    return asyncio.run(ask())


def connect_with_sqlalchemy(key: str, server: Postgres) -> Any:
    sqlalchemy = library("sqlalchemy")
    library("psycopg")
    url = sqlalchemy.URL.create(
        "postgresql+psycopg",
        username=server.user,
        password=key,
        database="postgres",
        query={"host": server.socket_folder},
    )
    text = type(key)(dsn(server, key).replace("postgresql:", "postgresql+psycopg:"))
    answers = []
    for engine in (sqlalchemy.create_engine(url), sqlalchemy.create_engine(text)):
        with engine.connect() as connection:
            answers.append(connection.scalar(sqlalchemy.text("SELECT :key"), {"key": key}))
        engine.dispose()
    return answers


@dataclasses.dataclass
class Holder:
    key: str


AS_IT_IS = {
    "`json`, `hmac`, `urllib`": lambda key: (
        json.dumps({"key": key}),
        hmac.new(key.encode(), b"", hashlib.sha256).digest(),
        send_with_urllib(key),
    ),
    "PyJWT": encode_a_token,
    "cryptography": encrypt,
    "requests": send_with_requests,
    "httpx": send_with_httpx,
    "boto3": sign_with_boto3,
    "stripe": lambda key: (call_stripe(key), verify_a_webhook(key)),
    "psycopg 3": connect_with_psycopg,
    "psycopg2": connect_with_psycopg2,
    "SQLAlchemy": connect_with_sqlalchemy,
    "asyncpg: a DSN, the arguments of a query": ask_with_asyncpg,
    "orjson: `dumps`": lambda key: library("orjson").dumps({"key": key}),
}
PLAIN = {
    "asyncpg: `connect(password=...)`": connect_with_asyncpg,
    "orjson: `loads`": lambda key: library("orjson").loads(type(key)(json.dumps(key))),
    "msgspec": lambda key: library("msgspec").json.encode({"key": key}),
    "oracledb": lambda key: library("oracledb").ConnectParams(user="app", password=key) and None,
    "PyYAML: `safe_dump`": lambda key: library("yaml").safe_dump({"key": key}),
    "boto3's DynamoDB `Table`": put_into_dynamodb,
    "`dataclasses.asdict`": lambda key: dataclasses.asdict(Holder(key)),
    "`copy`, `pickle`, `multiprocessing`": lambda key: pickle.loads(
        pickle.dumps(copy.deepcopy(key))
    ),
}


def call(use: Callable[..., Any], key: str, request: pytest.FixtureRequest) -> Any:
    if use.__code__.co_argcount == 1:
        return use(key)
    return use(key, request.getfixturevalue("postgres"))


@pytest.mark.parametrize("name", AS_IT_IS)
def test_this_takes_a_value_as_it_is(name: str, request: pytest.FixtureRequest) -> None:
    use = AS_IT_IS[name]
    assert call(use, VALUE, request) == call(use, VALUE.plain(), request)


@pytest.mark.parametrize("name", PLAIN)
def test_this_wants_a_plain_value(name: str, request: pytest.FixtureRequest) -> None:
    use = PLAIN[name]
    call(use, VALUE.plain(), request)
    with pytest.raises(Exception, match="SecretText|secret value|represent|must be bytes") as no:
        call(use, VALUE, request)
    assert "pl4nted" not in str(no.value)


def test_bytes_are_taken_as_they_are() -> None:
    key = SecretBytes(VALUE.encode())
    assert encode_a_token(key) == {"sub": "app"}  # type: ignore[arg-type]  # bytes do as well
    assert hmac.new(key, b"", "sha256").digest() == hmac.new(key.plain(), b"", "sha256").digest()


def test_the_guides_table_is_what_was_tested() -> None:
    table = GUIDE.read_text().split("## Libraries that take no subclass")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert [(name, give) for name, give in rows[2:]] == [
        *((name, "the value") for name in AS_IT_IS),
        *((name, "`value.plain()`") for name in PLAIN),
    ]
