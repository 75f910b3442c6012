"""One fetch under way, and everybody who waits for it, on whatever loop or thread."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from typing import TYPE_CHECKING

from core_backend._clock import age
from core_backend._engine.bounded import Bounded
from core_backend._engine.cache import Entry
from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    from core_backend._clock import Moment
    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import Key, SecretRequest

__all__ = ["Flight", "Flights"]

# For how many seconds an outcome stands for whoever had asked and awaits it only now.
_STANDS = 5.0
# For how many seconds a fetch past the cache is shared by those who ask for one after it.
_SHARED = 1.0


class Flight:
    """One fetch under way. It lands once, with an entry or with an error.

    Attributes:
        request: What is being fetched.
        started: When it was asked for.
        fresh: Whether it was asked for past the cache.
        allowed: How many seconds the invocation that started it had left for it.
        owner: The store whose it is.
        entry: The value it landed with.
        abandoned: Whether its value is no longer wanted in the cache.
        error: The failure it landed with. A pattern: whoever raises it takes ``error.fresh()``.
        landed_at: When it landed.
        cut_short: Whether it failed for want of what was ``allowed``; others may have more.
    """

    __slots__ = (
        "_event",
        "_lock",
        "_sleepers",
        "abandoned",
        "allowed",
        "cut_short",
        "entry",
        "error",
        "fresh",
        "landed_at",
        "owner",
        "request",
        "started",
    )

    def __init__(
        self,
        request: SecretRequest,
        started: Moment,
        *,
        fresh: bool = False,
        allowed: float = math.inf,
        owner: object = None,
    ) -> None:
        self.request = request
        self.started = started
        self.fresh = fresh
        self.allowed = allowed
        self.owner = owner
        self.abandoned = False
        self.cut_short = False
        self.entry: Entry | None = None
        self.error: CoreBackendError | None = None
        self.landed_at: Moment | None = None
        self._lock = threading.Lock()
        # Futures by the loop they belong to; None once landed.
        self._sleepers: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] | None = {}
        self._event: threading.Event | None = None

    @classmethod
    def failed(
        cls,
        request: SecretRequest,
        error: CoreBackendError,
        now: Moment,
        *,
        owner: object = None,
    ) -> Flight:
        """Return a flight that never took off."""
        flight = cls(request, now, owner=owner)
        flight.land(error, now)
        return flight

    def land(self, outcome: Entry | CoreBackendError, now: Moment) -> None:
        """Set the outcome and wake everybody: each loop once, however many wait on it."""
        with self._lock:
            sleepers, self._sleepers = self._sleepers, None
            if isinstance(outcome, Entry):
                self.entry = outcome
            else:
                self.error = outcome
            self.landed_at = now
        if self._event is not None:
            self._event.set()
        for loop, futures in (sleepers or {}).items():
            # A loop that has been closed meanwhile has nobody left to wake.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_wake, futures)

    def forsake(self) -> None:
        """Let whoever waits sleep on: at the end of the process, there is nothing to wake up to."""
        with self._lock:
            if self._sleepers is not None:
                self._sleepers = {}
            self._event = None

    def counts(self, now: Moment, longest: float) -> bool:
        """Whether it still answers who asked at its start: neither frozen nor long past."""
        if self.landed_at is None:
            return age(self.started, now) <= longest
        lost = self.abandoned if self.entry is None else self.entry.value is None
        return not lost and not self.cut_short and age(self.landed_at, now) < _STANDS

    def young_value(self) -> None:
        """Return nothing: unlike with an entry, its value has to be waited for."""

    async def wait(self, seconds: float) -> bool:
        """Wait on the running loop; return whether it landed in that time.

        Cancelling this wait ends nothing but this wait.

        Raises:
            ConfigurationError: None is running: another framework's is, or somebody's own.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError(
                f"secret {self.request.label!r}: to await it takes a running asyncio event loop, "
                f"which trio's is not; its .result() works without one, and blocks the thread"
            ) from None
        with self._lock:
            if self._sleepers is None:
                return True
            future = loop.create_future()
            self._sleepers.setdefault(loop, []).append(future)
        if seconds == math.inf:
            await future
            return True
        await asyncio.wait((future,), timeout=max(seconds, 0.0))
        return self.landed_at is not None

    def wait_blocking(self, seconds: float) -> bool:
        """Block this thread; return whether it landed in that time."""
        with self._lock:
            if self._sleepers is None:
                return True
            if self._event is None:
                self._event = threading.Event()
        return self._event.wait(None if seconds == math.inf else max(seconds, 0.0))


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


class Flights:
    """The fetches that can be joined. Not locked: its owner decides under one lock."""

    def __init__(self, size: int) -> None:
        # All of them. One that was frozen has given up its place below to another.
        self._aloft: set[Flight] = set()
        self._under_way: dict[tuple[Key, bool], Flight] = {}
        self._shared: Bounded[Key, Flight] = Bounded(size)

    def joinable(
        self, request: SecretRequest, now: Moment, longest: float, *, fresh: bool
    ) -> Flight | None:
        """Return the fetch that answers the request as well.

        Args:
            request: What is asked for.
            now: When.
            longest: How many seconds a fetch may take; what took longer was frozen with its
                environment, and its connection is most likely dead.
            fresh: Whether past the cache.
        """
        key = request.key
        for kind in (True,) if fresh else (False, True):
            flight = self._under_way.get((key, kind))
            if flight is not None and age(flight.started, now) <= longest:
                return flight
        shared = self._shared.get(key) if fresh else None
        if shared is None or shared.landed_at is None or age(shared.landed_at, now) >= _SHARED:
            return None
        return shared

    def begin_anew(self, flight: Flight, now: Moment, longest: float) -> bool:
        """Let a flight that was frozen be joined again, unless another has taken its place.

        Then whoever waits for it asks again, and so joins that.
        """
        other = self.joinable(flight.request, now, longest, fresh=False)
        in_place = self._under_way.get((flight.request.key, flight.fresh)) is flight
        if in_place and other in {None, flight}:
            flight.started = now
            return True
        flight.allowed = -math.inf
        return False

    def add(self, flight: Flight) -> None:
        """Let the flight be joined, and no other that it could have joined itself."""
        self._aloft.add(flight)
        key = flight.request.key
        if not flight.fresh:
            self._under_way.pop((key, True), None)
        self._under_way[key, flight.fresh] = flight

    def remove(self, flight: Flight) -> None:
        """Let it be joined no more, but for those who ask past the cache a moment later."""
        self._aloft.discard(flight)
        key = flight.request.key
        if self._under_way.get((key, flight.fresh)) is flight:
            del self._under_way[key, flight.fresh]
        if flight.fresh and not flight.abandoned:
            self._shared[key] = flight

    def abandon(self, *, wake: bool) -> None:
        """Let none of them be joined, nor its value be kept; nor anybody be woken by it."""
        for flight in self._aloft:
            flight.abandoned = True
            if not wake:
                flight.forsake()
        self._under_way.clear()
        self._shared.clear()
