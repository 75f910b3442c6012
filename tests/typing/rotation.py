"""What type checkers make of with_secret. Never executed: mypy and pyright have to accept it."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from core_backend import SecretName, get_env, with_secret, with_secret_sync

KEY = SecretName("api-key")
LIMIT = SecretName("limit", parse=Decimal)


def connect(password: str) -> int:
    raise NotImplementedError


async def connect_async(password: str) -> int:
    raise NotImplementedError


async def spend(limit: Decimal) -> bytes:
    raise NotImplementedError


def results_sync() -> None:
    assert_type(with_secret_sync(KEY, connect, retry_on=KeyError), int)
    assert_type(with_secret_sync(get_env(LIMIT), lambda n: n + 1, retry_on=OSError), Decimal)
    assert_type(with_secret_sync("prod/key", connect, retry_on=(KeyError, OSError)), int)

    with_secret_sync(LIMIT, connect, retry_on=KeyError)  # type: ignore[arg-type]
    with_secret_sync(KEY, connect, retry_on=int)  # type: ignore[arg-type]


async def results() -> None:
    assert_type(await with_secret(KEY, connect, retry_on=KeyError), int)
    assert_type(await with_secret(KEY, connect_async, retry_on=KeyError), int)
    assert_type(await with_secret(KEY, lambda key: key.upper(), retry_on=KeyError), str)
    assert_type(await with_secret(get_env(LIMIT), spend, retry_on=(KeyError, OSError)), bytes)
    assert_type(await with_secret("prod/key", connect, retry_on=()), int)

    await with_secret(LIMIT, connect, retry_on=KeyError)  # type: ignore[arg-type]
    await with_secret(KEY, connect, retry_on=int)  # type: ignore[arg-type]
    await with_secret(KEY, connect, KeyError)  # type: ignore[call-overload]
