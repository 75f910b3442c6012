"""Time under a test's control: a clock to move, and the clocks that other libraries freeze."""

from __future__ import annotations

import asyncio
import time

from core_backend._clock import SystemClock

__all__ = ["FakeClock", "follow_frozen_time"]


def follow_frozen_time() -> None:
    """Let values expire by the time of freezegun, which replaces ``time.time`` in modules alone."""
    SystemClock.wall = staticmethod(_wall)


def _wall() -> float:
    return time.time()


class FakeClock:
    """A clock that stands still until the test moves it.

    Args:
        wall: Where wall time starts, in seconds since the epoch.
        monotonic: Where monotonic time starts, in seconds.

    Attributes:
        sleeps: The seconds of every sleep, in order.
    """

    def __init__(self, wall: float = 1_700_000_000.0, monotonic: float = 1_000.0) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self.sleeps: list[float] = []

    def wall(self) -> float:
        """Return the seconds since the epoch."""
        return self._wall

    def monotonic(self) -> float:
        """Return the seconds of the clock that never runs backwards."""
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        """Move the clock at once, and record the seconds."""
        self.sleeps.append(seconds)
        self.advance(seconds)
        # Other tasks run meanwhile, as in a real sleep.
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Let time pass as it usually does, on both clocks."""
        self.advance_wall(seconds)
        self.advance_monotonic(seconds)

    def advance_wall(self, seconds: float) -> None:
        """Move the wall clock alone, as a freeze does; backwards for negative ``seconds``."""
        self._wall += seconds

    def advance_monotonic(self, seconds: float) -> None:
        """Move the monotonic clock alone, as when the wall clock is set back meanwhile.

        Raises:
            ValueError: ``seconds`` is negative.
        """
        if seconds < 0:
            raise ValueError("monotonic time does not run backwards")
        self._monotonic += seconds

    def freeze(self, seconds: float) -> None:
        """Freeze the environment: wall time goes on, monotonic time stands still."""
        self.advance_wall(seconds)

    def restore(self, seconds: float) -> None:
        """Wake up from a snapshot on another machine, ``seconds`` later by the wall clock.

        Monotonic time starts near zero there.
        """
        self.advance_wall(seconds)
        self._monotonic = 0.0
