"""Fleet: how often 10,000 environments call Secrets Manager, simulated with our own engine.

Each environment has a store of its own: the code that decides on Lambda which read is a hit, when a
value is refreshed, and what follows from a failure. Only time, the service and the invocations are
simulated. The same seed gives the same figures.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from console import Progress
from outcome import Columns, Goal, Outcome, Row, format_figures

from core_backend._configuration import Settings
from core_backend._engine.delivery import deliver
from core_backend._engine.store import Store
from core_backend.errors import CoreBackendError
from core_backend.sources import SecretRequest, SecretValue
from core_backend.sources.failures import failure_of
from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from plan import Plan

__all__ = ["run"]

_ENVIRONMENTS = 10_000
# A rotation and an outage take so many calls that fewer environments have to do. Their figures are
# multiplied.
_FEWER = 1_000
_REQUESTS = [SecretRequest(f"secret-{number}") for number in range(3)]
_LATENCY = 0.02
# Seconds between two invocations of an environment, on average.
_INTERVAL = 1.0
# GetSecretValue calls per second and Region. Source: Secrets Manager user guide, "Quotas".
_QUOTA = 10_000
# Dollars per call. Source: https://aws.amazon.com/secrets-manager/pricing/
_PRICE = 0.05 / 10_000
_MONTH = 30 * 24 * 3600
# One function gets so many new environments at once, and as many again after so many seconds.
# Source: Lambda developer guide, "Lambda scaling behavior".
_SCALING = 1_000
_SCALING_SECONDS = 10
_ROTATION = 300
_OUTAGE = range(420, 720)
_COLUMNS: Columns = {
    "label": ("", str),
    "peak": ("calls/s, peak", lambda figure: f"{figure:,.0f}"),
    "of quota": ("of the quota", lambda figure: f"{figure:.0%}"),
    "mean": ("calls/s, mean", lambda figure: f"{figure:,.0f}"),
    "month": ("calls a month", lambda figure: f"{figure / 1e6:,.0f} million"),
    "dollars": ("$ a month", lambda figure: f"{figure:,.0f}"),
    "waited": ("invocations that waited", lambda figure: f"{figure:,}"),
    "failed": ("that failed", lambda figure: f"{figure:,}"),
}


def run(plan: Plan) -> Outcome:
    """Simulate a fleet with the default settings, with others, and in bad times."""
    size, fewer = (100, 50) if plan.quick else (_ENVIRONMENTS, _FEWER)
    runs = {
        "scaling": _Run(size, Settings(), 120, scales=True),
        "defaults": _Run(size, Settings(), 360),
        "trouble": _Run(fewer, Settings(), _OUTAGE.stop + 300, has_trouble=True),
        "no jitter": _Run(size, Settings(jitter=0.0), 360),
        "no refresh": _Run(size, Settings(refresh_ahead=1.0), 450),
        "neither": _Run(size, Settings(jitter=0.0, refresh_ahead=1.0), 450),
    }
    progress = Progress("fleet", sum(one.seconds for one in runs.values()))
    for name, one in runs.items():
        one.simulate(partial(progress.step, f"{name}, {one.seconds} s"))
    progress.end()
    defaults, trouble = runs["defaults"], runs["trouble"]
    rows = [
        runs["scaling"].summarize("one function scales up", range(120)),
        defaults.summarize("all start within a second", range(60)),
        defaults.summarize("steady, default settings", range(120, 360), lasts=True),
        runs["no jitter"].summarize("steady, no jitter", range(120, 360), lasts=True),
        runs["no refresh"].summarize("steady, no refresh ahead", range(150, 450), lasts=True),
        runs["neither"].summarize("steady, neither", range(150, 450), lasts=True),
        trouble.summarize("a password is rotated", range(_ROTATION, _ROTATION + 60)),
        trouble.summarize("an outage of 5 minutes", _OUTAGE),
        trouble.summarize("after the outage", range(_OUTAGE.stop, _OUTAGE.stop + 300)),
    ]
    goals = [
        Goal(f"fleet, {row['label']}: calls/s at the peak, of the quota", row["of quota"], 1.0)
        for row in rows
        if row["label"] in {"one function scales up", "steady, default settings"}
    ]
    setting = {
        "environments": size,
        "in rotation and outage": fewer,
        "secrets": len(_REQUESTS),
        "interval": _INTERVAL,
    }
    tables = {"fleet": format_figures(_COLUMNS, rows)}
    title = f"A fleet of {size:,} environments, simulated"
    return Outcome("fleet", title, tables, rows, goals, setting)


class _Loop(asyncio.BaseEventLoop):
    """An event loop with simulated time: where another would wait, it moves its clock on."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        self._now += timeout or 0.0
        return []

    def _process_events(self, event_list: list[Any]) -> None: ...

    def _write_to_self(self) -> None: ...


class _Clock:
    """The loop's time, as both of the engine's clocks."""

    def __init__(self, loop: _Loop) -> None:
        self.wall = self.monotonic = loop.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Portal:
    """Runs fetches on the simulated loop, where the engine's own portal has a thread."""

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, *jobs: Callable[[], Coroutine[Any, Any, None]]) -> None:
        for job in jobs:
            task = self._loop.create_task(job())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


class _Service:
    """A Secrets Manager that refuses what is above its quota, and everything in an outage."""

    def __init__(self, loop: _Loop, quota: float, outage: range) -> None:
        self.calls: Counter[int] = Counter()
        """By the second."""
        self._loop = loop
        self._quota = quota
        self._outage = outage

    def check(self, request: SecretRequest) -> None: ...

    async def fetch(self, request: SecretRequest) -> SecretValue:
        second = int(self._loop.time())
        self.calls[second] += 1
        is_refused = self.calls[second] > self._quota
        await asyncio.sleep(_LATENCY)
        if second in self._outage:
            raise failure_of(request, "InternalServiceError", "An error occurred")
        if is_refused:
            raise failure_of(request, "ThrottlingException", "Rate exceeded")
        return SecretValue(SecretText("value"), "version")

    async def warm(self) -> None: ...

    async def aclose(self) -> None: ...


class _Run:
    """One simulation.

    Args:
        size: How many environments.
        settings: Their settings.
        seconds: How long it lasts.
        scales: Whether they start as those of one function; by default all start in one second.
        has_trouble: Whether there are a rotation and an outage.
    """

    def __init__(
        self,
        size: int,
        settings: Settings,
        seconds: int,
        *,
        scales: bool = False,
        has_trouble: bool = False,
    ) -> None:
        self.seconds = seconds
        self._size = size
        self._settings = settings
        self._scales = scales
        self._rotation = _ROTATION if has_trouble else seconds
        self._loop = _Loop()
        self._clock = _Clock(self._loop)
        self._portal: Any = _Portal(self._loop)
        quota = _QUOTA * size / _ENVIRONMENTS
        self._service = _Service(self._loop, quota, _OUTAGE if has_trouble else range(0))
        self._waited: Counter[int] = Counter()
        self._failed: Counter[int] = Counter()

    def simulate(self, step: Callable[[], None]) -> None:
        """Run all environments, and call ``step`` for each second."""

        async def live() -> None:
            environments = [self._live(number) for number in range(self._size)]
            tasks = [asyncio.ensure_future(one) for one in environments]
            for _ in range(self.seconds):
                step()
                await asyncio.sleep(1.0)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():
                    task.result()  # its error

        # A store warns of each stale value that it serves.
        logging.disable(logging.WARNING)
        try:
            self._loop.run_until_complete(live())
        finally:
            logging.disable(logging.NOTSET)
            self._loop.close()

    def summarize(self, label: str, window: range, *, lasts: bool = False) -> Row:
        """Return the figures of some seconds, and with ``lasts`` those of a month of them."""
        factor = _ENVIRONMENTS / self._size
        calls = [self._service.calls[second] * factor for second in window]
        mean = sum(calls) / len(calls)
        return {
            "label": label,
            "peak": max(calls),
            "of quota": max(calls) / _QUOTA,
            "mean": mean,
            "month": mean * _MONTH if lasts else None,
            "dollars": mean * _MONTH * _PRICE if lasts else None,
            "waited": round(sum(self._waited[second] for second in window) * factor),
            "failed": round(sum(self._failed[second] for second in window) * factor),
        }

    async def _live(self, number: int) -> None:
        """Live an environment's life: invocations at random times, of which most are hits."""
        random = Random(number)
        store = Store(
            self._settings, self._clock, random.random, lambda *_: (self._service, "", "")
        )
        store._portal = self._portal
        batch = number * _ENVIRONMENTS // self._size // _SCALING if self._scales else 0
        await asyncio.sleep(batch * _SCALING_SECONDS + random.random())
        is_rotated = False
        while True:
            await self._invoke(store, fresh=False)
            if not is_rotated and self._loop.time() >= self._rotation:
                # The old password is refused: the handler asks past the cache.
                is_rotated = True
                await self._invoke(store, fresh=True)
            idle = self._find_next_refresh(store)
            if not is_rotated:
                idle = min(idle, max(self._rotation, self._loop.time()))
            await asyncio.sleep(idle - self._loop.time() + random.expovariate(1 / _INTERVAL))

    async def _invoke(self, store: Store, *, fresh: bool) -> None:
        """Read all secrets, or one past the cache."""
        requests = _REQUESTS[:1] if fresh else _REQUESTS
        second = int(self._loop.time())
        has_waited = False
        try:
            for request, answer in zip(requests, store.ask(requests, fresh=fresh), strict=True):
                for flight, seconds in deliver(store, request, answer, fresh=fresh):
                    has_waited = True
                    await flight.wait(seconds)
        except CoreBackendError:
            self._failed[second] += 1
        self._waited[second] += has_waited

    def _find_next_refresh(self, store: Store) -> float:
        """Return until when all reads are hits. No invocation is simulated before."""
        entries = map(store.cache.entries.get, (request.key for request in _REQUESTS))
        due = min(0.0 if entry is None else entry.wall_due for entry in entries)
        return max(due, self._loop.time())
