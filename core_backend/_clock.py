"""Ages and time limits that stay right when an environment is frozen and restored elsewhere.

Monotonic time can stand still while an environment is frozen, and starts near zero on a new
machine; wall time can be wrong after a restore. So a moment is both, and an age is the larger.
Chance is here as well, for the same reason: forks and snapshots must not share it.
"""

from __future__ import annotations

import math
import os
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

__all__ = [
    "Elapsed",
    "Invocation",
    "Moment",
    "Sent",
    "SystemClock",
    "age",
    "fraction",
    "moment",
    "remaining_millis",
    "remaining_seconds",
    "seconds_left",
]

# Plain classes: a NamedTuple takes several times as long to make, on every cold start.


class Moment:
    """A point in time, in seconds, on both clocks."""

    __slots__ = ("monotonic", "wall")

    def __init__(self, wall: float, monotonic: float) -> None:
        self.wall = wall
        self.monotonic = monotonic


class Sent:
    """When an attempt was sent, and its place among all attempts of the process.

    Clocks may be set, and environments restored, so only ``order`` says which was sent later.
    """

    __slots__ = ("at", "order")

    def __init__(self, at: Moment, order: int) -> None:
        self.at = at
        self.order = order


# For type checkers alone: making a protocol costs a cold start a tenth of a millisecond.
if TYPE_CHECKING:

    class Clock(Protocol):
        """Where the time comes from; tests bring their own."""

        # Properties, so that a method will do as well as an attribute.

        @property
        def wall(self) -> Callable[[], float]:
            """Seconds since the epoch."""
            ...

        @property
        def monotonic(self) -> Callable[[], float]:
            """Seconds that never run backwards."""
            ...

        async def sleep(self, seconds: float) -> None:
            """Wait before a retry."""
            ...


class SystemClock:
    """The machine's own clocks."""

    # Plain attributes, not methods: a cache hit reads both and has a microsecond in all.
    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        # asyncio is slow to import, and code that only names secrets does without.
        import asyncio  # noqa: PLC0415

        await asyncio.sleep(seconds)


def moment(clock: Clock) -> Moment:
    """Return what time it is."""
    return Moment(clock.wall(), clock.monotonic())


def age(since: Moment, now: Moment) -> float:
    """Return how old something is, in seconds; infinitely old when a clock ran backwards."""
    wall = now.wall - since.wall
    monotonic = now.monotonic - since.monotonic
    if wall < 0 or monotonic < 0:
        return math.inf
    return max(wall, monotonic)


def fraction() -> float:
    """Return a number from 0 to 1, another one in each fork and each restored snapshot.

    The module random, whose state they share, would also add a millisecond to a cold start.
    """
    return int.from_bytes(os.urandom(7)) / (1 << 56)


# Longer than anything is remembered, in seconds.
_VERY_LONG = 1e9
# Kept back so that the handler can still answer when a fetch runs out of time.
_RESERVE = 0.5

remaining_millis: ContextVar[Callable[[], object] | None] = ContextVar(
    "core_backend_remaining_millis", default=None
)
"""What returns the milliseconds that are left of the current invocation."""


class Invocation:
    """One invocation. In the ``with`` block its remaining time limits each fetch.

    Threads and tasks that are started in the block have a copy of its context, and may outlive it.
    So it ends for them as well.

    Args:
        millis: The Lambda context's ``get_remaining_time_in_millis``, if there is one.
    """

    __slots__ = ("_millis", "_token")

    def __init__(self, millis: Callable[[], object] | None) -> None:
        self._millis = millis

    def __enter__(self) -> None:
        self._token = remaining_millis.set(self)

    def __exit__(self, *_: object) -> None:
        self._millis = None
        remaining_millis.reset(self._token)

    def __call__(self) -> object:
        """Return the milliseconds that are left. Once it has ended, it limits nothing."""
        millis = self._millis
        return None if millis is None else millis()


def remaining_seconds() -> float:
    """Return what a fetch may use of the invocation, in seconds: infinite outside of one."""
    return seconds_left(remaining_millis.get()) - _RESERVE


def seconds_left(read_millis: object) -> float:
    """Return what a context's ``get_remaining_time_in_millis`` reads, in seconds.

    Infinite where it reads no number: many tests pass a mock, or an object of their own.
    """
    millis: object = read_millis() if callable(read_millis) else None
    return millis / 1000 if isinstance(millis, (int, float)) else math.inf


class Elapsed:
    """The seconds that have passed, by whichever clock saw more of them: a timer for caches.

    A clock that runs backwards counts as very long, so that everything timed by this expires.
    """

    __slots__ = ("_clock", "_last", "_seconds")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = moment(clock)
        self._seconds = 0.0

    def __call__(self) -> float:
        """Return the seconds since it was made."""
        now = moment(self._clock)
        self._seconds += min(age(self._last, now), _VERY_LONG)
        self._last = now
        return self._seconds
