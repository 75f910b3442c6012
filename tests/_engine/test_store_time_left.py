"""What is done with what is left of an invocation."""

from __future__ import annotations

import asyncio
import math
from contextvars import copy_context
from typing import TYPE_CHECKING

import pytest
from support.scripted import World, until_fetched, world

from core_backend import SecretTimeoutError, get_secret, get_secrets, secrets_info
from core_backend._clock import Invocation, remaining_millis
from core_backend._engine import attempts

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def almost_over() -> Iterator[None]:
    token = remaining_millis.set(lambda: 300)
    yield
    remaining_millis.reset(token)


@pytest.mark.usefixtures("almost_over")
async def test_too_little_time_left_sends_nothing(w: World) -> None:
    with pytest.raises(SecretTimeoutError, match="too little is left"):
        await get_secret("a")
    assert (w.calls, secrets_info().fetches) == (0, 0)


async def test_too_little_time_left_serves_stale_where_it_may(w: World) -> None:
    await get_secret("a")
    w.clock.advance(301)
    token = remaining_millis.set(lambda: 300)
    assert await get_secret("a") == "pl4nted-a"
    remaining_millis.reset(token)
    assert w.calls == 1


async def test_too_little_time_left_starts_no_refresh_either(w: World) -> None:
    await get_secret("a")
    w.clock.advance(241)
    token = remaining_millis.set(lambda: 300)
    assert await get_secret("a") == "pl4nted-a"
    remaining_millis.reset(token)
    assert w.calls == 1
    assert secrets_info().fetches == 1


async def test_what_an_invocation_had_no_time_for_is_not_held_against_the_service(
    w: World,
) -> None:
    with w.source.held():
        token = remaining_millis.set(lambda: 520)
        with pytest.raises(SecretTimeoutError):
            await get_secret("a")
        remaining_millis.reset(token)
        await until_fetched(w, 1)
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 2


@pytest.mark.parametrize("blocking", [False, True])
async def test_one_who_joined_a_fetch_with_less_time_asks_again(w: World, blocking: bool) -> None:
    with w.source.held():
        token = remaining_millis.set(lambda: 600)
        hasty = get_secret("a")
        remaining_millis.reset(token)
        patient = get_secret("a")
        w.source.arrived()
        # Its second fetch is not held back.
        w.source._gate = None
        value = patient.result() if blocking else await patient
    assert value == "pl4nted-a"
    assert w.calls == 2
    assert await hasty == "pl4nted-a"


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_waiter_gives_up_when_its_own_invocation_runs_out(w: World, blocking: bool) -> None:
    with w.source.held():
        pending = get_secret("a")
        token = remaining_millis.set(lambda: 510)
        with pytest.raises(SecretTimeoutError, match="too little is left"):
            pending.result() if blocking else await pending
        remaining_millis.reset(token)
    assert await pending == "pl4nted-a"
    assert w.calls == 1


async def test_a_fetch_may_take_as_long_as_the_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A slow machine's late timer is no freeze.
    monkeypatch.setattr(attempts, "_FROZEN", math.inf)
    with world(timeout=0.05) as w, w.source.held():
        with pytest.raises(SecretTimeoutError, match=r"no answer within 0\.1 s"):
            await get_secret("a")
        assert w.calls == 1


async def test_what_outlives_an_invocation_is_not_limited_by_it(w: World) -> None:
    with Invocation(lambda: 300):
        worker = copy_context()
        with pytest.raises(SecretTimeoutError):
            await get_secret("a")
    assert worker.run(lambda: get_secret("a").result()) == "pl4nted-a"
    w.clock.advance(241)
    worker.run(lambda: get_secret("a").result())
    await until_fetched(w, 2)
    assert w.calls == 2


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_very_long_wait_is_a_wait(w: World, blocking: bool) -> None:
    with w.source.held():
        pending, batch = get_secret("a"), get_secrets("a", "b")
        w.source.arrived(2)
        waiting = asyncio.to_thread((pending if blocking else batch).result, 1e10)
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(0)
    assert await task == ("pl4nted-a" if blocking else ("pl4nted-a", "pl4nted-b"))
