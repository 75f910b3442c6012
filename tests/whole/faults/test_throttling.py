"""A service that turns requests away: rows 6 to 9."""

from __future__ import annotations

import logging
import random

import pytest
from support.faults import throttled

from core_backend import SecretThrottledError, get_secret


async def test_row_6_throttled_twice_then_served(process, service):
    service.script(throttled, throttled)
    assert await get_secret("db") == "pl4nted-db"
    assert process.calls == 3
    assert process.sleeps == [0.5 * 0.1, 0.5 * 0.2]


async def test_row_6_delays_differ_between_seeds(process, service):
    for seed in (1, 2):
        process.store.random = random.Random(seed).random
        service.script(throttled, throttled)
        await get_secret("db", fresh=True)
        process.clock.advance(2)
    assert process.calls == 6
    assert len(set(process.sleeps)) == 4
    assert all(0 <= delay <= 0.2 for delay in process.sleeps)


async def test_row_7_throttled_always_ends_in_an_error_and_then_in_silence(process, service):
    service.always(throttled)
    with pytest.raises(SecretThrottledError, match="'db'") as caught:
        await get_secret("db")
    assert caught.value.code == "ThrottlingException"
    assert process.calls == 3
    # Full jitter, so that it comes to no more than 0.3 s even at its worst.
    assert sum(process.sleeps) <= 0.3

    process.clock.advance(0.9)
    for fresh in (False, True):
        with pytest.raises(SecretThrottledError):
            await get_secret("db", fresh=fresh)
    assert process.calls == 3

    process.clock.advance(0.2)
    with pytest.raises(SecretThrottledError):
        await get_secret("db")
    assert process.calls == 6


async def test_row_7_the_cool_down_doubles_up_to_thirty_seconds(process, service):
    service.always(throttled)
    for longest in (1, 2, 4, 8, 16, 30, 30):
        with pytest.raises(SecretThrottledError):
            await get_secret("db")
        seen = process.calls
        process.clock.advance(longest - 0.1)
        with pytest.raises(SecretThrottledError):
            await get_secret("db")
        assert process.calls == seen
        process.clock.advance(0.2)
    assert process.calls == 7 * 3


async def test_row_8_an_expired_value_serves_with_one_warning(process, service, caplog):
    await get_secret("db")
    service.forget()
    service.always(throttled)
    process.clock.advance(331)
    assert [await get_secret("db") for _ in range(5)] == ["pl4nted-db"] * 5
    assert process.calls == 3
    [warning] = warnings(caplog)
    assert "'db'" in warning.getMessage()

    # The next refresh that fails is worth a warning of its own.
    process.clock.advance(1.1)
    assert [await get_secret("db") for _ in range(5)] == ["pl4nted-db"] * 5
    assert process.calls == 6
    assert len(warnings(caplog)) == 2


async def test_row_8_and_it_is_over_as_soon_as_the_service_answers(process, service):
    await get_secret("db")
    service.always(throttled)
    process.clock.advance(331)
    assert await get_secret("db") == "pl4nted-db"
    service.forget()
    service.put("db", "pl4nted-new")
    assert await get_secret("db") == "pl4nted-db"
    assert process.calls == 0
    process.clock.advance(1.1)
    assert await get_secret("db") == "pl4nted-new"
    assert process.calls == 1


async def test_row_9_past_max_stale_nothing_serves(process, service):
    await get_secret("db")
    service.forget()
    service.always(throttled)
    process.clock.advance(330 + 3600)
    with pytest.raises(SecretThrottledError):
        await get_secret("db")
    assert process.calls == 3


def warnings(caplog):
    return [record for record in caplog.records if record.levelno >= logging.WARNING]
