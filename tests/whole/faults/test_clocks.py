"""Time that stands still, jumps, runs backwards or runs out: rows 14 to 17, 21 and 23."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from support.faults import Held, throttled

from core_backend import SecretThrottledError, SecretTimeoutError, get_secret, secrets_info
from core_backend._clock import remaining_millis


async def test_row_14_a_value_expires_though_the_monotonic_clock_stood_still(process, service):
    await get_secret("db")
    service.put("db", "pl4nted-new")
    process.clock.freeze(331)
    assert await get_secret("db") == "pl4nted-new"
    assert process.calls == 2


async def test_row_14_so_does_it_for_those_who_kept_its_handle(process, service):
    kept = get_secret("db")
    await kept
    service.put("db", "pl4nted-new")
    process.clock.freeze(331)
    assert await kept == "pl4nted-new"
    assert process.calls == 2


async def test_row_14_so_does_a_cool_down(process, service):
    service.script(*[throttled] * 3)
    with pytest.raises(SecretThrottledError):
        await get_secret("db")
    process.clock.freeze(1.1)
    assert await get_secret("db") == "pl4nted-db"
    assert process.calls == 4


async def test_row_15_a_wall_clock_one_hour_back_is_believed_by_nobody(process, service):
    await get_secret("db")
    service.put("db", "pl4nted-new")
    process.clock.advance_wall(-3600)
    assert await get_secret("db") == "pl4nted-new"
    assert await get_secret("db") == "pl4nted-new"
    assert process.calls == 2


async def test_row_15_nor_by_those_who_kept_a_handle(process, service):
    kept = get_secret("db")
    await kept
    service.put("db", "pl4nted-new")
    process.clock.advance_wall(-3600)
    assert await kept == "pl4nted-new"
    assert process.calls == 2


async def test_row_15_after_the_jump_values_expire_as_usual(process):
    process.clock.advance_wall(-3600)
    await get_secret("db")
    process.clock.advance(331)
    await get_secret("db")
    assert process.calls == 2


async def test_row_16_a_monotonic_clock_near_zero_is_fetched_not_taken_for_fresh(process, service):
    process.clock.restore(0)
    assert process.clock.monotonic() == 0
    assert await get_secret("db") == "pl4nted-db"
    assert process.calls == 1
    process.clock.advance(331)
    service.put("db", "pl4nted-new")
    assert await get_secret("db") == "pl4nted-new"
    assert process.calls == 2


async def test_row_16_a_value_from_before_a_restore_is_fetched_anew(process, service):
    await get_secret("db")
    service.put("db", "pl4nted-new")
    process.clock.restore(1)
    assert await get_secret("db") == "pl4nted-new"
    assert process.calls == 2


async def test_row_21_nothing_is_sent_with_300_ms_left(process):
    with left_of_the_invocation(300):
        pending = get_secret("db")
        assert pending._answer.landed_at is not None  # there is nothing to wait for
        with pytest.raises(SecretTimeoutError, match="'db'"):
            await pending
    assert process.calls == 0


@pytest.mark.parametrize(("age", "served"), [(331, True), (330 + 3600, False)])
async def test_row_21_a_stale_value_serves_where_it_may(process, service, age, served):
    await get_secret("db")
    service.forget()
    process.clock.advance(age)
    with left_of_the_invocation(300):
        if served:
            assert await get_secret("db") == "pl4nted-db"
        else:
            with pytest.raises(SecretTimeoutError):
                await get_secret("db")
        with pytest.raises(SecretTimeoutError):
            await get_secret("db", fresh=True)
    assert process.calls == 0


async def test_row_21_nor_is_a_refresh_begun_that_would_be_frozen_in_the_middle(process, service):
    await get_secret("db")
    service.forget()
    process.clock.advance(250)
    fetches = secrets_info().fetches
    with left_of_the_invocation(300):
        assert await get_secret("db") == "pl4nted-db"
        assert secrets_info().fetches == fetches
    assert process.calls == 0
    assert await get_secret("db") == "pl4nted-db"
    await service.arrived(1)


async def test_row_23_a_slow_older_reply_does_not_replace_a_newer_one(process, service):
    slow = Held()
    service.script(slow)
    older = get_secret("db")
    await service.arrived(1)
    service.put("db", "pl4nted-new")
    assert await get_secret("db", fresh=True) == "pl4nted-new"
    slow.release()
    assert await older == "pl4nted-new"
    assert await get_secret("db") == "pl4nted-new"
    assert process.calls == 2


async def test_row_23_the_order_holds_though_the_clocks_jump_in_between(process, service):
    slow = Held()
    service.script(slow)
    older = get_secret("db")
    await service.arrived(1)
    service.put("db", "pl4nted-new")
    process.clock.restore(-10)
    assert await get_secret("db", fresh=True) == "pl4nted-new"
    slow.release()
    assert await older == "pl4nted-new"
    assert await get_secret("db") == "pl4nted-new"
    assert process.calls == 2


async def test_row_17_nobody_joins_a_fetch_that_was_frozen_with_its_environment(process, service):
    never = Held()
    service.script(never)
    frozen = get_secret("db")
    await service.arrived(1)
    process.clock.freeze(400)
    async with asyncio.timeout(60):
        assert await get_secret("db") == "pl4nted-db"
        # Nor do those who had joined it go on waiting.
        assert await frozen == "pl4nted-db"
    assert process.calls == 2
    never.release()


@contextlib.contextmanager
def left_of_the_invocation(millis):
    token = remaining_millis.set(lambda: millis)
    try:
        yield
    finally:
        remaining_millis.reset(token)
