"""One fetch's attempts and its deadline; test_store_failures.py has which are retried."""

from __future__ import annotations

import asyncio
import math

import pytest
from support.scripted import ScriptedSource, stands_still, throttled, world

from core_backend import get_secret
from core_backend._configuration import Settings
from core_backend._engine import attempts as engine_attempts
from core_backend._engine.attempts import Attempts
from core_backend.errors import SecretThrottledError, SecretTimeoutError
from core_backend.sources import SecretRequest, SecretValue
from core_backend.testing.clock import FakeClock

REQUEST = SecretRequest("a")


def attempts(source: ScriptedSource, clock: FakeClock, *, seconds: float = 5.0) -> Attempts:
    return Attempts(source, Settings(timeout=seconds), clock, lambda: 1.0, 60.0)


async def test_a_wait_longer_than_what_is_left_is_not_begun() -> None:
    source, clock = ScriptedSource(a="pl4nted"), FakeClock()
    source.faults = [throttled() for _ in range(3)]
    stands_still(0)
    outcome = await attempts(source, clock, seconds=0.15).outcome(REQUEST)
    assert isinstance(outcome, SecretThrottledError)
    assert len(source.calls) == 2
    assert clock.sleeps == [0.1]


async def test_the_invocation_allows_less_than_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A slow machine's late timer is no freeze.
    monkeypatch.setattr(engine_attempts, "_FROZEN", math.inf)
    source = ScriptedSource(a="pl4nted")
    source.latency = 10
    limited = Attempts(source, Settings(), FakeClock(), lambda: 0.0, 0.05)
    outcome = await limited.outcome(REQUEST)
    assert isinstance(outcome, SecretTimeoutError)
    assert "within 0.1 s" in str(outcome)
    assert limited.had_seconds == 0.05
    assert len(source.calls) == 1


async def test_an_answer_is_dated_by_its_own_attempt() -> None:
    source, clock = ScriptedSource(a="pl4nted"), FakeClock()
    source.faults = [throttled()]
    fetch = attempts(source, clock)
    await fetch.outcome(REQUEST)
    assert fetch.sent.at.monotonic == pytest.approx(1000.1)


class StandsStill(ScriptedSource):
    """A source during whose first call the whole process stands still, as when it is frozen."""

    async def fetch(self, request: SecretRequest) -> SecretValue:
        if not self.calls:
            self.calls.append(request)
            stands_still(60)
            await asyncio.sleep(10)
        return await super().fetch(request)


async def test_a_process_that_stood_still_says_that_its_failure_means_nothing() -> None:
    source = StandsStill(a="pl4nted")
    frozen = attempts(source, FakeClock())
    assert isinstance(await frozen.outcome(REQUEST), SecretTimeoutError)
    # Less than any caller has, so that all of them ask again.
    assert frozen.had_seconds == -math.inf
    assert len(source.calls) == 1


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_waiter_asks_again_after_a_freeze(blocking: bool) -> None:
    with world(source=StandsStill(a="pl4nted")) as w:
        pending = get_secret("a")
        assert (pending.result() if blocking else await pending) == "pl4nted"
        assert w.calls == 2


async def test_a_waiter_asks_again_three_times_at_most() -> None:
    class AlwaysStandsStill(ScriptedSource):
        async def fetch(self, request: SecretRequest) -> SecretValue:
            self.calls.append(request)
            stands_still(60)
            return await asyncio.sleep(10)

    with world(source=AlwaysStandsStill()) as w:
        with pytest.raises(SecretTimeoutError):
            await get_secret("a")
        assert w.calls == 4


async def test_its_error_has_no_frames_and_no_cause() -> None:
    class Fails(ScriptedSource):
        async def fetch(self, request: SecretRequest) -> SecretValue:
            credentials = "pl4nted"
            try:
                raise ValueError(credentials)
            except ValueError as error:
                raise throttled() from error

    outcome = await attempts(Fails(), FakeClock()).outcome(REQUEST)
    assert isinstance(outcome, SecretThrottledError)
    assert (outcome.__traceback__, outcome.__cause__, outcome.__context__) == (None, None, None)
