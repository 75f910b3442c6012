"""One fetch's attempts and its deadline; test_store_failures.py has which are retried."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.scripted import ScriptedSource, throttled

from core_backend._configuration import Settings
from core_backend._engine.attempts import Attempts
from core_backend.errors import SecretThrottledError, SecretTimeoutError
from core_backend.sources.protocol import SecretRequest, SecretValue
from core_backend.testing.clock import FakeClock

REQUEST = SecretRequest("a")


def attempts(
    source: ScriptedSource, clock: FakeClock, *, seconds: float = 5.0, wanted: bool = True
) -> Attempts:
    return Attempts(
        source, Settings(timeout=seconds), clock, lambda: 1.0, 60.0, begun_anew=lambda: wanted
    )


async def test_a_wait_longer_than_what_is_left_is_not_begun() -> None:
    source, clock = ScriptedSource(a="pl4nted"), FakeClock()
    source.faults = [throttled() for _ in range(3)]
    with pytest.raises(SecretThrottledError):
        await attempts(source, clock, seconds=0.15).fetch(REQUEST)
    assert len(source.calls) == 2
    assert clock.sleeps == [0.1]


async def test_the_invocation_allows_less_than_the_settings() -> None:
    source = ScriptedSource(a="pl4nted")
    source.latency = 10
    limited = Attempts(source, Settings(), FakeClock(), lambda: 0.0, 0.05, begun_anew=lambda: False)
    with pytest.raises(SecretTimeoutError, match=r"within 0\.1 s"):
        await limited.fetch(REQUEST)
    assert len(source.calls) == 1


async def test_an_answer_is_dated_by_its_own_attempt() -> None:
    source, clock = ScriptedSource(a="pl4nted"), FakeClock()
    source.faults = [throttled()]
    fetch = attempts(source, clock)
    await fetch.fetch(REQUEST)
    assert fetch.sent.at.monotonic == pytest.approx(1000.1)


class StandsStill(ScriptedSource):
    """A source during whose first calls the whole process stands still, as when it is frozen."""

    def __init__(self, times: int) -> None:
        super().__init__(a="pl4nted")
        self.times = times

    async def fetch(self, request: SecretRequest) -> SecretValue:
        if len(self.calls) < self.times:
            self.calls.append(request)
            time.sleep(0.4)  # noqa: ASYNC251  # the loop itself is what has to stand still
            await asyncio.sleep(10)
        return await super().fetch(request)


async def test_a_process_that_stood_still_gets_its_time_anew() -> None:
    source = StandsStill(1)
    fetched = await attempts(source, FakeClock(), seconds=0.1).fetch(REQUEST)
    assert fetched.value == "pl4nted"
    assert len(source.calls) == 2


async def test_but_only_once() -> None:
    source = StandsStill(2)
    with pytest.raises(SecretTimeoutError):
        await attempts(source, FakeClock(), seconds=0.1).fetch(REQUEST)
    assert len(source.calls) == 2


async def test_nor_where_another_fetch_took_its_place() -> None:
    source = StandsStill(1)
    replaced = attempts(source, FakeClock(), seconds=0.1, wanted=False)
    with pytest.raises(SecretTimeoutError):
        await replaced.fetch(REQUEST)
    assert replaced.cut_short
    assert len(source.calls) == 1
