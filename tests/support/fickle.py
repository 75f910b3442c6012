"""A service that takes its time, breaks down and revokes; and the clocks beside it."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING

from core_backend import SecretAccessDeniedError, SecretThrottledError, SecretTimeoutError
from core_backend.sources import SecretRequest, SecretValue
from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.judge import Judge
    from support.scheduler import Scheduler

__all__ = ["FickleService"]

_LATENCIES = (0.0, 0.01, 0.05, 0.2, 1.0, 30.0)


class FickleService:
    """A source, and a clock, for one simulated run.

    Args:
        scheduler: Whose time it tells and whose chance it takes.
        judge: Told of every call.
        log: Takes down what happens.
    """

    def __init__(self, scheduler: Scheduler, judge: Judge, log: Callable[[str], None]) -> None:
        self._scheduler = scheduler
        self._random = scheduler.random
        self._judge = judge
        self._log = log
        self.skew = 0.0
        """By how many seconds the wall clock is ahead of the other."""
        self.revoked: set[str] = set()
        self.broken = False
        self.calls = 0
        self.in_flight: collections.Counter[tuple[str, bool]] = collections.Counter()

    def check(self, request: SecretRequest) -> None:
        """Refuse nothing."""

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Answer, or fail, as things stood when the call came."""
        self.calls += 1
        kind = (request.secret_id, request.fresh)
        self._log(f"call {self.calls}: {request.secret_id}{' fresh' * request.fresh}")
        self.in_flight[kind] += 1
        try:
            self._judge.check(
                self.in_flight[kind] <= 1 + self._judge.disturbances,
                f"two fetches in flight: {kind}",
            )
            answer = self._answer(request.secret_id)
            await asyncio.sleep(self._random.choice(_LATENCIES))
        finally:
            self.in_flight[kind] -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def warm(self) -> None:
        """Do nothing: there is nothing to prepare."""

    async def aclose(self) -> None:
        """Have nothing to close."""

    def wall(self) -> float:
        self._scheduler.pause()
        return 1_700_000_000.0 + self._scheduler.now + self.skew

    def monotonic(self) -> float:
        self._scheduler.pause()
        return self._scheduler.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _answer(self, key: str) -> SecretValue | Exception:
        if self.broken and self._random.random() < 0.7:
            error = self._random.choice((SecretThrottledError, SecretTimeoutError, None))
            return error("told to", secret_id=key) if error else ValueError("a defect")
        if key in self.revoked:
            return SecretAccessDeniedError(f"refused by call {self.calls}", secret_id=key)
        return SecretValue(SecretText(f"pl4nted by call {self.calls}"), str(self.calls))
