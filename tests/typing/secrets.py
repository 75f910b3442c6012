"""What type checkers make of get_secrets. Never executed: mypy and pyright have to accept it."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from decimal import Decimal
from typing import Any, assert_type

from core_backend import (
    PendingSecret,
    SecretName,
    clear_secrets,
    get_env,
    get_secret,
    get_secrets,
    secrets_info,
)

TOKEN = SecretName("api-key")
LIMIT = SecretName("limit", parse=Decimal)
PORT = SecretName("port", parse=int)


async def one() -> None:
    """One secret: by its real name, its id or its declared name."""
    assert_type(get_secret("prod/api-key"), PendingSecret[str])
    assert_type(get_secret(TOKEN), PendingSecret[str])
    assert_type(get_secret(LIMIT, fresh=True), PendingSecret[Decimal])
    assert_type(get_secret(get_env(LIMIT)), PendingSecret[Decimal])
    assert_type(await get_secret("prod/api-key"), str)
    assert_type(await get_secret(get_env(LIMIT)), Decimal)
    assert_type(get_secret(LIMIT).result(), Decimal)
    assert_type(get_secret(LIMIT).result(timeout=1), Decimal)
    assert_type(await get_secret(LIMIT).with_version(), tuple[Decimal, str])
    assert_type(get_secret(LIMIT).result_with_version(timeout=1), tuple[Decimal, str])
    # One that may not exist.
    assert_type(get_secret(LIMIT, default=None), PendingSecret[Decimal | None])
    assert_type(await get_secret(get_env(LIMIT), default=3), Decimal | int)
    assert_type(await get_secret("prod/api-key", default="", fresh=True), str)
    assert_type(get_secret(TOKEN, default=None).result(), str | None)
    assert_type(get_secret(TOKEN, default=None).result_with_version(), tuple[str | None, str])


async def several() -> None:
    """Up to six are typed one by one: the handles when unpacked, the values when awaited."""
    [p] = get_secrets(get_env(TOKEN))
    assert_type(p, PendingSecret[str])
    assert_type(await p, str)
    a, b = get_secrets(get_env(TOKEN), LIMIT)
    assert_type(a, PendingSecret[str])
    assert_type(b, PendingSecret[Decimal])
    assert_type(await get_secrets("x"), tuple[str])
    assert_type(await get_secrets("x", LIMIT), tuple[str, Decimal])
    assert_type(await get_secrets("x", LIMIT, PORT), tuple[str, Decimal, int])
    assert_type(await get_secrets("x", LIMIT, PORT, "y"), tuple[str, Decimal, int, str])
    assert_type(
        await get_secrets("x", LIMIT, PORT, "y", get_env(PORT)),
        tuple[str, Decimal, int, str, int],
    )
    assert_type(
        await get_secrets("x", LIMIT, PORT, "y", PORT, TOKEN, fresh=True),
        tuple[str, Decimal, int, str, int, str],
    )
    assert_type(get_secrets("x", LIMIT).result(timeout=1), tuple[str, Decimal])
    f = get_secrets("x", LIMIT, PORT, "y", PORT, TOKEN)[5]
    assert_type(f, PendingSecret[str])


async def many(names: list[str]) -> None:
    """More than six, or who knows how many, are of any type."""
    assert_type(await get_secrets("1", "2", "3", "4", "5", "6", "7"), tuple[Any, ...])
    assert_type(await get_secrets(*names), tuple[Any, ...])
    for pending in get_secrets(*names):
        assert_type(pending, PendingSecret[Any])


async def wrong() -> None:
    """Refuse what is no name."""
    get_secret(3)  # type: ignore[call-overload]
    get_secret(None)  # type: ignore[call-overload]
    get_secret(b"prod/api-key")  # type: ignore[call-overload]
    get_secret(TOKEN, "default")  # type: ignore[call-overload]
    "Bearer " + get_secret(TOKEN)  # type: ignore[operator]
    "Bearer " + await get_secrets(TOKEN)  # type: ignore[operator]
    get_secrets("x", 3)  # type: ignore[call-overload]
    get_secrets("x", True)  # type: ignore[call-overload]


assert_type(clear_secrets(), None)
assert_type(secrets_info().hits, int)
