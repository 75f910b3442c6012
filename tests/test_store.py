"""The rules of the store, one by one; faults on the wire have a folder of their own."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.scripted import ScriptedSource, World, throttled, until, world

from core_backend import (
    ConfigurationError,
    PendingSecret,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
    clear_secrets,
    configure,
    get_secret,
    get_secrets,
    secrets_info,
)
from core_backend._remaining import remaining_millis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core_backend.sources.protocol import SecretRequest, SecretValue


@pytest.fixture
def w() -> Iterator[World]:
    with world() as made:
        yield made


async def until_fetched(w: World, calls: int) -> None:
    """Wait for fetches in the background to have landed."""
    w.source.arrived(calls)
    await until(lambda: not w.store._flights._under_way)


def failure(kind: type[SecretError], code: str | None = None) -> SecretError:
    return kind("secret 'a': told to fail", secret_id="a", code=code)


# --- ages


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


async def test_a_ttl_of_nothing_fetches_every_time() -> None:
    with world(ttl=0.0) as w:
        await get_secret("a")
        await get_secret("a")
        assert w.calls == 2


async def test_a_frozen_environment_expires_by_the_wall_clock(w: World) -> None:
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


# --- failures that may pass


@pytest.mark.parametrize("kind", [SecretThrottledError, SecretUnavailableError, SecretTimeoutError])
async def test_a_failure_that_may_pass_is_tried_again(w: World, kind: type[SecretError]) -> None:
    w.source.faults = [failure(kind), failure(kind)]
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 3
    assert [round(seconds, 3) for seconds in w.clock.sleeps] == [0.05, 0.1]


async def test_delays_differ_from_one_process_to_another() -> None:
    delays = []
    for random in (0.2, 0.9):
        with world(random=random) as w:
            w.source.faults = [throttled(), throttled()]
            await get_secret("a")
            delays.append(tuple(w.clock.sleeps))
    assert delays[0] != delays[1]


async def test_the_service_is_left_alone_during_a_cool_down_that_doubles(w: World) -> None:
    for seconds in (1, 2, 4, 8, 16, 30, 30):
        before = w.calls
        w.source.faults = [throttled() for _ in range(3)]
        with pytest.raises(SecretThrottledError):
            await get_secret("a")
        assert w.calls == before + 3
        w.clock.advance(seconds - 0.01)
        for fresh in (False, True):
            with pytest.raises(SecretThrottledError):
                await get_secret("a", fresh=fresh)
        assert w.calls == before + 3
        w.clock.advance(0.01)
    assert await get_secret("a") == "pl4nted-a"
    w.clock.advance(300)
    w.source.faults = [throttled() for _ in range(3)]
    await get_secret("a")
    assert w.store.cache.failure("a").seconds == 1


async def test_a_stale_value_serves_meanwhile_with_one_warning_a_refresh(
    w: World, caplog: pytest.LogCaptureFixture
) -> None:
    await get_secret("a")
    w.clock.advance(301)
    w.source.faults = [throttled() for _ in range(6)]
    for _ in range(3):
        assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 4
    assert [(r.name, r.levelno) for r in caplog.records if r.name == "core_backend"] == [
        ("core_backend", logging.WARNING)
    ]
    assert "'a'" in caplog.text
    assert "SecretThrottledError" in caplog.text
    w.clock.advance(1)
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 7
    assert len([r for r in caplog.records if r.name == "core_backend"]) == 2
    assert secrets_info().stale == 4


async def test_no_value_serves_past_max_stale(w: World) -> None:
    await get_secret("a")
    w.clock.advance(300 + 3600)
    w.source.faults = [throttled() for _ in range(3)]
    with pytest.raises(SecretThrottledError):
        await get_secret("a")
    assert w.calls == 4


async def test_a_background_refresh_that_fails_cools_down(w: World) -> None:
    await get_secret("a")
    w.source.arrived()
    w.clock.advance(250)
    w.source.faults = [throttled() for _ in range(3)]
    await get_secret("a")
    await until_fetched(w, 3)
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 4
    assert secrets_info().failures == 1


# --- refusals


@pytest.mark.parametrize(
    "kind",
    [SecretAccessDeniedError, SecretDecryptionError, SecretDeletedError, SecretNotFoundError],
)
async def test_a_refusal_on_refresh_evicts_at_once(w: World, kind: type[SecretError]) -> None:
    await get_secret("a")
    w.source.arrived()
    w.clock.advance(250)
    w.source.faults = [failure(kind)]
    with w.source.held():
        await get_secret("a")
    await until_fetched(w, 1)
    with pytest.raises(kind):
        await get_secret("a")
    assert w.calls == 2
    w.clock.advance(5)
    assert await get_secret("a") == "pl4nted-a"


async def test_a_refusal_is_remembered_but_fresh_asks_anyway(w: World) -> None:
    w.source.faults = [failure(SecretAccessDeniedError)]
    for _ in range(2):
        with pytest.raises(SecretAccessDeniedError):
            await get_secret("a")
    assert w.calls == 1
    assert await get_secret("a", fresh=True) == "pl4nted-a"


async def test_a_secret_never_set_is_remembered_for_a_moment(w: World) -> None:
    w.source.faults = [failure(SecretNotSetError)]
    for _ in range(2):
        with pytest.raises(SecretNotSetError):
            await get_secret("a")
    assert w.calls == 1


async def test_refused_credentials_are_tried_once_more_and_not_remembered(w: World) -> None:
    w.source.faults = [failure(SecretAccessDeniedError, "ExpiredTokenException")]
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 2
    w.source.faults = [failure(SecretAccessDeniedError, "ExpiredTokenException")] * 2
    with pytest.raises(SecretAccessDeniedError):
        await get_secret("b")
    assert await get_secret("b") == "pl4nted-b"
    assert w.calls == 5


async def test_a_mistake_in_the_setup_is_tried_once_and_not_remembered(w: World) -> None:
    w.source.faults = [ConfigurationError("no credentials")]
    with pytest.raises(ConfigurationError, match="no credentials"):
        await get_secret("a")
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 2


async def test_a_defect_in_a_source_strands_nobody_and_quotes_nothing(w: World) -> None:
    w.source.faults = [ZeroDivisionError("pl4nted in a message") for _ in range(3)]
    with pytest.raises(SecretUnavailableError, match="ZeroDivisionError") as caught:
        await get_secret("a")
    assert "pl4nted" not in str(caught.value)


# --- which reply counts


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
async def test_a_frozen_fetch_leaves_its_waiters_to_the_one_that_took_its_place(
    fresh: bool,
) -> None:
    go_on = threading.Event()

    class StandsStill(ScriptedSource):
        async def fetch(self, request: SecretRequest) -> SecretValue:
            if not self.calls:
                self.calls.append(request)
                self._arrived.release()
                go_on.wait(10)
                time.sleep(0.8)  # noqa: ASYNC251  # it is the thread that has to stand still
                await asyncio.sleep(1000)
            return await super().fetch(request)

    with world(source=StandsStill(a="pl4nted-a"), timeout=0.5) as w:
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


# --- the end of the invocation


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


async def test_a_fetch_may_take_as_long_as_the_settings_say() -> None:
    with world(timeout=0.05) as w, w.source.held():
        with pytest.raises(SecretTimeoutError, match=r"no answer within 0\.1 s"):
            await get_secret("a")
        assert w.calls == 1


# --- sources and settings


async def test_settings_that_concern_connections_begin_them_anew(w: World) -> None:
    await get_secret("a")
    source = w.store._source
    with configure(ttl=10):
        assert w.store._source is source
    with configure(read_timeout=1.0):
        await get_secret("b")
        await until_fetched(w, 2)
        await until(lambda: w.source.closed)
    assert await get_secret("a") == "pl4nted-a"


async def test_a_source_in_use_is_closed_after_its_fetches(w: World) -> None:
    with w.source.held():
        pending = get_secret("a")
        w.source.arrived()
        with configure(read_timeout=1.0):
            assert w.source.closed == 0
    assert await pending == "pl4nted-a"


async def test_settings_changed_before_any_fetch_have_nothing_to_close(w: World) -> None:
    with configure(read_timeout=1.0):
        assert await get_secret("a") == "pl4nted-a"


async def test_a_hit_answers_though_the_settings_went_wrong_since(w: World) -> None:
    def broken(*_: object) -> None:
        raise ConfigurationError("an extra is missing")

    await get_secret("a")
    w.store.choose = broken
    w.clock.advance(250)
    with configure(read_timeout=1.0):
        assert await get_secret("a") == "pl4nted-a"
        with pytest.raises(ConfigurationError):
            get_secret("b")


async def test_closing_cuts_off_what_is_under_way(w: World) -> None:
    with w.source.held():
        pending = get_secret("a")
        w.source.arrived()
        flight = pending._answer
        w.store.close()
        assert flight.error is not None
        assert "cut off" in str(flight.error)
    # Its handle asks the store that serves now.
    assert await pending == "pl4nted-a"


async def test_with_batches_what_one_call_misses_is_fetched_in_one_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []

    class Source(ScriptedSource):
        async def fetch(self, request: SecretRequest) -> SecretValue:
            order.append(f"{request.secret_id} starts")
            await asyncio.sleep(0)
            order.append(f"{request.secret_id} goes on")
            return await super().fetch(request)

    with world(source=Source(a="pl4nted-a", b="pl4nted-b"), batch=True) as w:
        launch = w.store._launch

        def slow(*args: Any, **options: Any) -> Any:
            flight = launch(*args, **options)
            # The first has the time to run ahead, were it started by itself.
            time.sleep(0.05)
            return flight

        monkeypatch.setattr(w.store, "_launch", slow)
        assert await get_secrets("a", "b") == ("pl4nted-a", "pl4nted-b")
    assert order == ["a starts", "b starts", "a goes on", "b goes on"]


async def test_info_counts_and_says_where_values_come_from(w: World) -> None:
    assert secrets_info().source is None
    with w.source.held():
        asked = get_secrets("a", "a", "b")
    await asked
    await get_secret("a")
    info = secrets_info()
    assert (info.hits, info.misses, info.fetches, info.coalesced) == (1, 3, 2, 1)
    assert info.source == "given"
    assert "pl4nted" not in repr(info)
