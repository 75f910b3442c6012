"""Which reply counts, in whatever order they come."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from support.scripted import (
    ScriptedSource,
    World,
    failure,
    stands_still,
    throttled,
    until,
    until_fetched,
    world,
)

from core_backend import (
    PendingSecret,
    SecretAccessDeniedError,
    SecretDeletedError,
    SecretThrottledError,
    clear_secrets,
    get_secret,
    get_secrets,
    secrets_info,
)

if TYPE_CHECKING:
    from core_backend.sources import SecretRequest, SecretValue


async def test_a_slow_older_reply_does_not_replace_a_newer_one(w: World) -> None:
    with w.source.held():
        old = get_secret("a")
        w.source.arrived()
        w.source.rotate("a", "pl4nted-new")
        with w.source.let_through():
            assert await get_secret("a", fresh=True) == "pl4nted-new"
    assert await old == "pl4nted-new"
    assert await get_secret("a") == "pl4nted-new"
    assert w.calls == 2


async def test_a_slow_older_reply_does_not_bring_back_what_was_revoked(w: World) -> None:
    with w.source.held():
        old = get_secret("a")
        w.source.arrived()
        w.source.faults = [failure(SecretAccessDeniedError)]
        with w.source.let_through(), pytest.raises(SecretAccessDeniedError):
            await get_secret("a", fresh=True)
    for handle in (old, get_secret("a")):
        with pytest.raises(SecretAccessDeniedError):
            await handle
    assert w.calls == 2


async def test_nobody_shares_an_older_reply_that_lands_after_the_refusal(w: World) -> None:
    with w.source.held():
        frozen = get_secret("a", fresh=True)
        w.source.arrived()
        w.clock.freeze(60)
        w.source.faults = [failure(SecretAccessDeniedError)]
        with w.source.let_through(), pytest.raises(SecretAccessDeniedError):
            await get_secret("a", fresh=True)
    await until(lambda: frozen._answer.landed_at)
    for handle in (frozen, get_secret("a", fresh=True)):
        with pytest.raises(SecretAccessDeniedError):
            await handle
    assert w.calls == 2


async def test_a_slow_older_refusal_does_not_evict_a_newer_value(w: World) -> None:
    with w.source.held():
        w.source.faults = [failure(SecretAccessDeniedError)]
        old = get_secret("a")
        w.source.arrived()
        with w.source.let_through():
            await get_secret("a", fresh=True)
    with pytest.raises(SecretAccessDeniedError):
        await old
    w.clock.advance(250)
    assert await get_secret("a") == "pl4nted-a"
    await until_fetched(w, 1)  # and the refusal is not held against it
    assert w.calls == 3


async def test_the_newer_of_two_refusals_counts(w: World) -> None:
    with w.source.held():
        w.source.faults = [failure(SecretDeletedError)]
        older = get_secret("a")
        w.source.arrived()
        w.source.faults = [failure(SecretAccessDeniedError)]
        with w.source.let_through(), pytest.raises(SecretAccessDeniedError):
            await get_secret("a", fresh=True)
    with pytest.raises(SecretDeletedError):
        await older
    _, error = w.store.cache._evicted["a"]
    assert type(error) is SecretAccessDeniedError


async def test_a_slow_older_reply_does_not_end_a_cool_down(w: World) -> None:
    with w.source.held():
        old = get_secret("a")
        w.source.arrived()
        w.source.faults = [throttled()] * 3
        with w.source.let_through(), pytest.raises(SecretThrottledError):
            await get_secret("a", fresh=True)
    assert await old == "pl4nted-a"
    with pytest.raises(SecretThrottledError):
        await get_secret("a", fresh=True)
    assert w.calls == 4


async def test_ordinary_callers_join_a_fetch_past_the_cache(w: World) -> None:
    with w.source.held():
        fresh = get_secret("a", fresh=True)
        w.source.arrived()
        ordinary = get_secret("a")
    assert await fresh == await ordinary
    assert w.calls == 1
    assert secrets_info().coalesced == 1


async def test_nobody_joins_a_fetch_that_was_frozen_with_its_environment(w: World) -> None:
    with w.source.held():
        frozen = get_secret("a")
        w.source.arrived()
        w.clock.freeze(60)
        with w.source.let_through():
            assert await get_secret("a") == "pl4nted-a"
            assert await frozen == "pl4nted-a"
        assert w.calls == 2


async def test_what_was_frozen_before_everything_was_forgotten_does_not_come_back(w: World) -> None:
    with w.source.held():
        frozen = get_secret("a")
        w.source.arrived()
        w.clock.freeze(60)
        with w.source.let_through():
            await get_secret("a")
        clear_secrets()
    await until(lambda: frozen._answer.landed_at)
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 3


@pytest.mark.parametrize("fresh", [False, True])
async def test_waiters_of_a_frozen_fetch_move_to_its_replacement(
    fresh: bool,
) -> None:
    go_on = threading.Event()

    class StandsStill(ScriptedSource):
        async def fetch(self, request: SecretRequest) -> SecretValue:
            if not self.calls:
                self.calls.append(request)
                self._arrived.release()
                go_on.wait(10)
                stands_still(60)
                await asyncio.sleep(1000)
            return await super().fetch(request)

    with world(source=StandsStill(a="pl4nted-a")) as w:
        frozen = get_secret("a", fresh=fresh)
        w.source.arrived()
        w.clock.freeze(60)
        after = get_secret("a")
        go_on.set()
        assert await frozen == await after == "pl4nted-a"
        assert w.calls == 2


async def test_names_stages_and_versions_are_never_crossed(w: World) -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf"
    w.source.secrets[arn] = "pl4nted-by-arn"
    assert await get_secrets("a", arn) == ("pl4nted-a", "pl4nted-by-arn")
    assert w.calls == 2


async def test_what_is_forgotten_before_it_was_read_is_asked_for_again(w: World) -> None:
    with w.source.held():
        waiter = asyncio.ensure_future(awaited(get_secret("a")))
        await asyncio.sleep(0)
        w.source.arrived()
    while w.store._flights._under_way:
        pass  # without a chance for the waiter
    clear_secrets()
    assert await waiter == "pl4nted-a"
    assert w.calls == 2


async def awaited(pending: PendingSecret[str]) -> str:
    return await pending
