"""Past the cache, and forgetting what is in it."""

from __future__ import annotations

import asyncio

import pytest
from support.scripted import World, throttled, until

from core_backend import (
    SecretNotFoundError,
    SecretThrottledError,
    clear_secrets,
    get_secret,
    get_secrets,
)


async def test_fresh_fetches_past_the_cache(w: World) -> None:
    await get_secret("a")
    w.source.rotate("a", "pl4nted-new")
    assert await get_secret("a") == "pl4nted-a"
    assert await get_secret("a", fresh=True) == "pl4nted-new"
    assert await get_secrets("a") == ("pl4nted-new",)
    assert w.calls == 2


async def test_those_who_ask_for_fresh_within_a_second_share_it(w: World) -> None:
    await asyncio.gather(*(_fresh() for _ in range(100)))
    w.clock.advance(0.9)
    await _fresh()
    assert w.calls == 1
    w.clock.advance(0.2)
    await _fresh()
    assert w.calls == 2


async def _fresh() -> str:
    return await get_secret("a", fresh=True)


async def test_fresh_is_sent_after_it_was_asked_for(w: World) -> None:
    with w.source.held():
        old = get_secret("a")
        w.source.arrived()
        w.source.rotate("a", "pl4nted-new")
        new = get_secret("a", fresh=True)
        w.source.arrived()
    assert await new == "pl4nted-new"
    assert w.calls == 2
    assert await old in {"pl4nted-a", "pl4nted-new"}
    assert await get_secret("a") == "pl4nted-new"


async def test_fresh_never_serves_stale(w: World) -> None:
    await get_secret("a")
    w.source.faults = [throttled() for _ in range(3)]
    with pytest.raises(SecretThrottledError):
        await get_secret("a", fresh=True)
    assert await get_secret("a") == "pl4nted-a"


async def test_clear_forgets_values_and_failures(w: World) -> None:
    await get_secret("a")
    with pytest.raises(SecretNotFoundError):
        await get_secret("x")
    clear_secrets()
    w.source.secrets["x"] = "pl4nted-x"
    assert await get_secrets("a", "x") == ("pl4nted-a", "pl4nted-x")
    assert w.calls == 4


async def test_what_was_asked_for_before_clear_is_delivered_but_not_kept(w: World) -> None:
    with w.source.held():
        pending = get_secret("a")
        w.source.arrived()
        clear_secrets()
    assert await pending == "pl4nted-a"
    await get_secret("a")
    assert w.calls == 2
    w.source.rotate("a", "pl4nted-new")
    await get_secret("a", fresh=True)
    assert await pending == "pl4nted-new"


async def test_a_handle_survives_clear(w: World) -> None:
    pending, landed = get_secret("a"), get_secret("b")
    await pending
    w.source.arrived(2)
    await until(lambda: w.store.cache.find("b") is not None)
    clear_secrets()
    assert await pending == "pl4nted-a"
    assert await landed == "pl4nted-b"
    assert w.calls == 4


async def test_a_handle_kept_past_the_ttl_asks_again(w: World) -> None:
    pending = get_secret("a")
    await pending
    w.source.rotate("a", "pl4nted-new")
    w.clock.advance(301)
    assert await pending == "pl4nted-new"
    w.source.rotate("a", "pl4nted-newer")
    w.clock.advance(301)
    assert pending.result() == "pl4nted-newer"
