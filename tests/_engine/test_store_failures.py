"""What may pass is tried again and bridged; what is refused evicts the value."""

from __future__ import annotations

import contextlib
import gc
import logging
from typing import Any

import pytest
from support.scripted import World, failure, throttled, until, until_fetched, world

from core_backend import (
    ConfigurationError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
    configure,
    get_secret,
    get_secrets,
    secrets_info,
)


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
    await until(lambda: w.store._failures.find("a", transient_only=True))
    w.clock.advance(1)
    assert w.store._failures.find("a", transient_only=True) is None


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


@pytest.mark.parametrize(
    ("lack", "words"),
    [
        (OSError(24, "Too many open files", "pl4nted"), "no file descriptor is left; close files"),
        (PermissionError(13, "pl4nted"), r"PermissionError \(Permission denied\); see that"),
        (OSError("pl4nted"), r"OSError \(no reason given\); see that"),
        (MemoryError("pl4nted"), "no memory is left; give the function more"),
        (ImportError("pl4nted.so", name="_ssl"), "module '_ssl' cannot be loaded; free file"),
        (RuntimeError("can't start new thread"), "no thread can be started; end some"),
    ],
)
async def test_what_the_process_lacks_is_told_and_not_held_against_the_service(
    w: World, lack: Exception, words: str
) -> None:
    w.source.faults = [lack] * 3
    with pytest.raises(SecretUnavailableError, match=words) as caught:
        await get_secret("a")
    assert "pl4nted" not in str(caught.value)
    assert "defect" not in str(caught.value)
    assert await get_secret("a") == "pl4nted-a"


async def test_a_module_that_is_missing_is_a_mistake_in_the_setup(w: World) -> None:
    w.source.faults = [ModuleNotFoundError("pl4nted", name="aiohttp")]
    with pytest.raises(ConfigurationError, match="module 'aiohttp' is missing.*extra aws-sdk"):
        await get_secret("a")
    assert w.calls == 1


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_kept_handle_does_not_repeat_a_failure_that_is_over(
    w: World, blocking: bool, caplog: pytest.LogCaptureFixture
) -> None:
    w.source.faults = [throttled() for _ in range(3)]
    kept = get_secret("a")
    for _ in range(2):
        with pytest.raises(SecretThrottledError):
            await kept
    assert w.calls == 3
    w.clock.advance(1)
    assert (kept.result() if blocking else await kept) == "pl4nted-a"
    assert w.calls == 4
    assert not caplog.records


async def test_a_kept_handle_has_what_a_fetch_past_the_cache_brought_meanwhile(
    w: World, caplog: pytest.LogCaptureFixture
) -> None:
    w.source.faults = [failure(SecretAccessDeniedError)]
    kept = get_secret("a")
    with pytest.raises(SecretAccessDeniedError):
        await kept
    await get_secret("a", fresh=True)
    assert await kept == "pl4nted-a"
    assert w.calls == 2
    assert not caplog.records


async def test_a_list_that_narrows_holds_for_a_fetch_that_is_under_way(w: World) -> None:
    with w.source.held():
        pending = get_secret("a")
        w.source.arrived()
        restore = configure(allow=["b"])
    with pytest.raises(SecretAccessDeniedError, match="not on the list"):
        await pending
    with restore:
        pass
    # It was not cached.
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 2


@pytest.mark.parametrize("ask", [get_secret, get_secrets])
@pytest.mark.usefixtures("w")
def test_failures_are_freed_though_the_garbage_collector_is_off(ask: Any) -> None:
    configure(allow=["a", "absent"])
    gc.collect()
    # What other tests have left in this process.
    before = sum(isinstance(error, SecretError) for error in gc.get_objects())
    gc.disable()
    try:
        for _ in range(20):
            for secret in ("absent", "not-allowed"):
                # Not pytest.raises, which keeps what it caught in a circle.
                with contextlib.suppress(SecretError):
                    ask(secret).result()
        left = sum(isinstance(error, SecretError) for error in gc.get_objects()) - before
        # The one that is remembered, and the outcome of its fetch.
        assert left <= 2
    finally:
        gc.enable()
