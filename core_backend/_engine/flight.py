"""One fetch under way, and everyone who waits for it, on whatever loop or thread.

``Flight.answers`` decides whether a caller can use a flight, or has to ask again:

*   if the environment was frozen in the middle of the fetch, so nothing could have answered it,
*   if the invocation that started the fetch ran out of time, and the caller has more,
*   if the outcome is gone, or older than five seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from typing import TYPE_CHECKING, Any, cast

from core_backend._clock import Moment, age
from core_backend._engine.cache import Entry
from core_backend._engine.portal import Lock, is_fetching
from core_backend.errors import ConfigurationError, SecretUnavailableError
from core_backend.sources import SecretRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core_backend._clock import Clock
    from core_backend.errors import CoreBackendError
    from core_backend.sources import Key

__all__ = ["SPENT", "Flight", "Flights"]

# For how many seconds a handle that is awaited late can still use the outcome.
_STANDS = 5.0
# For how many seconds later calls with ``fresh`` share a finished fetch of that kind.
_SHARED = 1.0


class Flight:
    """One fetch. It lands once, with an entry or with an error.

    Args:
        request: What is fetched.
        started: When it was asked for.
        lock: The store's lock, which guards everything here.
        owner: The store that it lands in.
        fresh: Whether it was asked for past the cache.

    Attributes:
        entry: The entry it landed with.
        error: The error it landed with. Raise ``error.fresh()``, since many callers share it.
        landed_at: When it landed.
        abandoned: Whether its value must not be cached any more.
        seconds: How many seconds it may take.
        had_seconds: Callers with more seconds left than this ask again. If the fetch ran out of
            time, these are its own seconds. After a freeze it is minus infinity, so all ask again.
            Otherwise it is infinity, so nobody does.
    """

    __slots__ = (
        "_lock",
        "_sleepers",
        "_waiters",
        "abandoned",
        "entry",
        "error",
        "fresh",
        "had_seconds",
        "landed_at",
        "owner",
        "request",
        "seconds",
        "started",
    )

    def __init__(
        self,
        request: SecretRequest,
        started: Moment,
        lock: Lock,
        *,
        owner: object = None,
        fresh: bool = False,
    ) -> None:
        self.request = request
        self.started = started
        self.owner = owner
        self.fresh = fresh
        self.abandoned = False
        self.seconds = math.inf
        self.had_seconds = math.inf
        self.entry: Entry | None = None
        self.error: CoreBackendError | None = None
        self.landed_at: Moment | None = None
        self._lock = lock
        # The futures by their loop, until it lands.
        self._waiters: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        # One lock for each thread that waits, which takes it first; ``wake`` releases it. Not an
        # Event: a thread that is interrupted as it starts to wait would hold the Event's own lock.
        self._sleepers: list[threading.Lock] = []

    def answers(self, now: Moment, longest: float) -> bool:
        """Return whether a caller who asked for this flight can still use it.

        Args:
            now: The time.
            longest: How many seconds a fetch may take. One that took longer was frozen.
        """
        if self.landed_at is None:
            return age(self.started, now) <= longest
        is_gone = self.abandoned if self.entry is None else self.entry.value is None
        stands = age(self.landed_at, now) < _STANDS
        return stands and not is_gone and self.had_seconds == math.inf

    def land(self, outcome: Entry | CoreBackendError, now: Moment) -> None:
        """Set the outcome. The first one counts. ``wake`` tells those who wait."""
        if self.landed_at is not None:
            return
        if isinstance(outcome, Entry):
            self.entry = outcome
        else:
            self.error = outcome
        self.landed_at = now

    def wake(self) -> None:
        """Wake everyone who waits, each loop once. Call it without the lock, after ``land``."""
        with self._lock:
            waiters, self._waiters = self._waiters, {}
            sleepers, self._sleepers = self._sleepers, []
        for sleeper in sleepers:
            sleeper.release()
        for loop, futures in waiters.items():
            # A loop that was closed meanwhile has no one left to wake.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_resolve, futures)

    def drop_waiters(self) -> None:
        """Forget those who wait without waking them, at the end of the process."""
        self._waiters = {}
        self._sleepers = []

    def young_value(self, wall: float, monotonic: float) -> None:  # as an entry's
        """Return nothing: a flight is never a hit. So a handle can call this on both."""

    @staticmethod
    def wall() -> float:
        """Return no time in particular; see ``young_value``."""
        return 0.0

    monotonic = wall

    async def wait(self, seconds: float) -> None:
        """Wait on the running loop until it lands, at most for that long.

        Cancelling this wait ends this wait only.

        Raises:
            ConfigurationError: No asyncio loop is running, but for example trio's.
            SecretUnavailableError: Waiting would never end; see ``wait_blocking``.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError(
                f"secret {self.request.label!r}: awaiting it needs a running asyncio event loop, "
                f"and trio's is not one; its .result() works without one, and blocks the thread"
            ) from None
        self._check_can_wait()
        future = loop.create_future()
        with self._lock:
            if self.landed_at is not None:
                return
            self._waiters.setdefault(loop, []).append(future)
        await asyncio.wait((future,), timeout=max(seconds, 0.0))

    def wait_blocking(self, seconds: float) -> None:
        """Block this thread until it lands, at most for that long.

        Raises:
            SecretUnavailableError: Waiting would never end: this is the thread that fetches, or a
                signal handler or finalizer that interrupted this package under its lock.
        """
        self._check_can_wait()
        sleeper = threading.Lock()
        sleeper.acquire()
        with self._lock:
            if self.landed_at is not None:
                return
            self._sleepers.append(sleeper)
        sleeper.acquire(timeout=min(max(seconds, 0.0), threading.TIMEOUT_MAX))

    def _check_can_wait(self) -> None:
        label = self.request.label
        if self.landed_at is not None:
            return
        if is_fetching():
            raise SecretUnavailableError(
                f"secret {label!r}: asked for on the thread that fetches it, where log handlers "
                f"run as well; let a log handler ask for its secret before it is installed",
                secret_id=label,
            )
        if self._lock.is_held_here():
            raise SecretUnavailableError(
                f"secret {label!r}: asked for in a signal handler or finalizer that interrupted "
                f"the asking for another secret, where waiting would never end; ask for it before",
                secret_id=label,
            )


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


SPENT = Flight(SecretRequest(""), Moment(0.0, 0.0), Lock())
"""A placeholder that never answers. A handle that has raised its error keeps it, to ask again."""


class Flights:
    """The flights that can be joined. The store's lock guards it.

    Args:
        clock: Tells the time.
        size: How many fetches past the cache are remembered for those who share them.
    """

    def __init__(self, clock: Clock, size: int) -> None:
        self._clock = clock
        self._size = size
        self._under_way: dict[tuple[Key, bool], Flight] = {}
        # All of them. A frozen one has lost its place in _under_way to another.
        self._not_landed: set[Flight] = set()
        self._shared: Any = {}

    def find(
        self, request: SecretRequest, now: Moment, longest: float, *, fresh: bool
    ) -> Flight | None:
        """Return a flight that answers the request as well, or ``None``.

        Args:
            request: What is asked for.
            now: The time.
            longest: How many seconds a fetch may take.
            fresh: Whether it is asked for past the cache. Such a flight must have been sent after
                it was asked for, so it joins none of the other kind. The others do join it.
        """
        for kind in (True,) if fresh else (False, True):
            flight = self._under_way.get((request.key, kind))
            if flight is not None and flight.answers(now, longest):
                return flight
        shared: Flight | None = self._shared.get(request.key) if fresh else None
        return shared

    def add(self, flights: Iterable[Flight]) -> None:
        """Let flights be joined. They replace the older ones for the same secret."""
        for flight in flights:
            key = flight.request.key
            self._not_landed.add(flight)
            if not flight.fresh:
                self._under_way.pop((key, True), None)
            self._under_way[key, flight.fresh] = flight

    def remove(self, flight: Flight) -> None:
        """Stop letting callers join a landed flight. A ``fresh`` one is shared for a second."""
        key = flight.request.key
        self._not_landed.discard(flight)
        if self._under_way.get((key, flight.fresh)) is flight:
            del self._under_way[key, flight.fresh]
        if flight.fresh and not flight.abandoned:
            # If no descriptor or memory is left to import what it takes, it is not shared.
            with contextlib.suppress(ImportError, MemoryError, OSError):
                if not self._shared:
                    self._shared = _new_shared(self._size, self._clock)
                self._shared[key] = flight

    def disown(self) -> None:
        """Stop sharing all flights, and stop caching their values."""
        # A copy: a finalizer that asks for a secret in the middle of this adds another.
        for flight in list(self._not_landed):
            flight.abandoned = True
        self._under_way.clear()
        self._shared = {}

    def drop_waiters(self) -> None:
        """Wake nobody from now on, at the end of the process."""
        for flight in list(self._not_landed):
            flight.drop_waiters()


def _new_shared(size: int, clock: Clock) -> Any:
    # Imported here because only a fetch past the cache needs it.
    from cachetools import TTLCache  # noqa: PLC0415

    from core_backend._clock import Elapsed  # noqa: PLC0415

    return cast("Any", TTLCache(size, _SHARED, Elapsed(clock)))
