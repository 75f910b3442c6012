"""When a value is refreshed, and when it expires: by two clocks."""

from __future__ import annotations

import asyncio
import gc
from weakref import ref

import pytest
from support.scripted import World, throttled, until, until_fetched, world

from core_backend import SecretThrottledError, configure, get_secret, get_secrets, secrets_info


async def test_a_value_is_refreshed_in_the_background_before_it_expires(w: World) -> None:
    await get_secret("a")
    w.source.arrived()
    w.source.rotate("a", "pl4nted-new")
    w.clock.advance(239)
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 1
    w.clock.advance(2)
    with w.source.held():
        for _ in range(3):
            assert await get_secret("a") == "pl4nted-a"
        w.source.arrived()
    await until_fetched(w, 0)
    assert await get_secret("a") == "pl4nted-new"
    assert w.calls == 2


async def test_a_kept_handle_is_refreshed_in_the_background_as_well(w: World) -> None:
    kept = get_secret("a")
    await kept
    w.source.arrived()
    w.source.rotate("a", "pl4nted-new")
    w.clock.advance(241)
    with w.source.held():
        assert await kept == "pl4nted-a"
        assert kept.result() == "pl4nted-a"
        w.source.arrived()
    await until_fetched(w, 0)
    assert await kept == "pl4nted-new"
    assert w.calls == 2
    assert secrets_info().hits == 0  # asked for once


async def test_a_kept_handle_follows_what_others_fetched(w: World) -> None:
    kept = get_secret("a")
    await kept
    w.source.rotate("a", "pl4nted-new")
    await get_secret("a", fresh=True)
    assert await kept == "pl4nted-new"
    assert w.calls == 2


async def test_an_expired_value_is_waited_for(w: World) -> None:
    await get_secret("a")
    w.source.rotate("a", "pl4nted-new")
    w.clock.advance(300)
    assert await get_secret("a") == "pl4nted-new"


@pytest.mark.parametrize(("random", "age"), [(0.0, 270), (1.0, 330)])
async def test_expiries_are_spread_by_a_tenth(random: float, age: float) -> None:
    with world(random=random, refresh_ahead=1.0) as w:
        await get_secret("a")
        w.clock.advance(age - 1)
        await get_secret("a")
        assert w.calls == 1
        w.clock.advance(1)
        await get_secret("a")
        assert w.calls == 2


async def test_a_ttl_of_zero_fetches_every_time() -> None:
    with world(ttl=0.0) as w:
        await get_secret("a")
        await get_secret("a")
        assert w.calls == 2


async def test_a_value_expires_during_a_freeze(w: World) -> None:
    await get_secret("a")
    w.clock.freeze(301)
    await get_secret("a")
    assert w.calls == 2


async def test_a_wall_clock_held_back_expires_by_the_other(w: World) -> None:
    await get_secret("a")
    w.clock.advance_monotonic(301)
    await get_secret("a")
    assert w.calls == 2


async def test_a_wall_clock_set_back_expires_everything(w: World) -> None:
    await get_secret("a")
    w.clock.advance_wall(-3600)
    await get_secret("a")
    await get_secret("a")
    assert w.calls == 2


async def test_a_monotonic_clock_near_zero_is_not_taken_for_young(w: World) -> None:
    await get_secret("a")
    w.clock.restore(10_000)
    await get_secret("a")
    await get_secret("a")
    assert w.calls == 2


async def test_settings_apply_to_what_is_cached(w: World) -> None:
    await get_secrets("a", "b")
    w.clock.advance(100)
    with configure(ttl=50):
        await get_secret("a")
        assert w.calls == 3
    await get_secret("b")
    assert w.calls == 3


async def test_fewer_entries_keep_the_latest_used() -> None:
    with world(max_entries=3) as w:
        await get_secrets("a", "b", "c")
        await get_secret("a")
        await get_secret("d")
        await get_secrets("a", "c", "d")
        assert w.calls == 4
        with configure(max_entries=1):
            await get_secret("d")
            assert w.calls == 4
        await get_secret("a")
        assert w.calls == 5


def test_an_evicted_entry_is_freed_though_the_garbage_collector_is_off() -> None:
    with world(max_entries=1) as w:
        get_secret("a").result()
        get_secret("a").result()  # the hits' shared handle
        entry = ref(w.store.cache.find("a"))
        gc.disable()
        try:
            get_secret("b").result()
            # The private thread lets go of it in its own time.
            asyncio.run(until(lambda: entry() is None))
        finally:
            gc.enable()


@pytest.mark.parametrize("back", [-3600.0, -1.0])
async def test_a_value_from_before_the_wall_clock_was_set_back_bridges_an_outage(
    w: World, back: float
) -> None:
    await get_secret("a")
    w.clock.advance_wall(back)
    w.source.faults = [throttled() for _ in range(3)]
    assert await get_secret("a") == "pl4nted-a"
    # But not for longer than any other.
    w.clock.advance(300 + 3600)
    w.source.faults = [throttled() for _ in range(3)]
    with pytest.raises(SecretThrottledError):
        await get_secret("a")
