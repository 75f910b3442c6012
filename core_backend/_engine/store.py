"""The heart: cache -> one flight -> source -> cache.

The rules, all of which hold at once:

1.  A value younger than its ttl is handed out at no wait. From the part of the ttl that the
    settings name, asking for it also starts a refresh in the background.
2.  For one key at most one fetch is under way, however many ask, on however many loops and
    threads; all who ask meanwhile get its outcome. A fetch past the cache (``fresh``) is a second
    kind: it must be sent after it was asked for, so it cannot join an ordinary one. Ordinary
    callers do join it.
3.  A fetch that was under way for longer than any may be has been frozen with its environment:
    nobody joins it any more. It is begun anew, unless another has taken its place.
4.  Values are dated by when they were asked for. An older reply never replaces a newer one. To a
    value that was evicted after it was sent, the refusal is the answer. What is evicted or replaced
    is gone from every handle as well.
5.  A failure that may pass lets an expired value serve, up to ``max_stale``, and leaves the
    service alone for a cool-down. A refusal evicts the value, and answers for itself for 5 s.
6.  ``fresh`` never serves stale, heeds a cool-down, and is shared for one second.
7.  Whatever is decided is decided under one lock; whatever waits, waits outside of it.
"""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING

from core_backend._clock import moment, remaining_seconds
from core_backend._engine.attempts import Attempts
from core_backend._engine.cache import Cache, Entry
from core_backend._engine.failures import (
    check_allowed,
    cut_off,
    is_allowed,
    too_late,
    treatment_of,
    warn_of_stale,
)
from core_backend._engine.flight import Flight, Flights
from core_backend._engine.portal import LazyPortal
from core_backend._engine.stats import SecretsInfo
from core_backend.errors import ConfigurationError, CoreBackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources.protocol import Key, SecretRequest, SecretSource

__all__ = ["Store"]


class Store:
    """One process's secrets.

    Args:
        settings: How long, how often, how many.
        clock, random: Tells the time; returns a number from 0 to 1.
        choose: Makes the source on first need, and says which it is and why.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        random: Callable[[], float],
        choose: Callable[[Settings, Clock], tuple[SecretSource, str, str]],
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.cache = Cache(clock, random, settings)
        self.stats = SecretsInfo()
        self.random = random
        self.choose = choose
        self._lock = threading.RLock()
        self._flights = Flights(settings.max_entries)
        self._source: SecretSource | None = None
        self._portal = LazyPortal()

    def check(self, request: SecretRequest) -> None:
        """Refuse, before anything is sent, what must not or cannot be fetched.

        Raises:
            SecretAccessDeniedError: It is not on the list of what may be fetched.
            ConfigurationError: The source cannot fetch it as things are set up.
        """
        check_allowed(request, self.settings.allow)
        self._sourced().check(request)

    def ask(self, request: SecretRequest, *, fresh: bool = False) -> Entry | Flight:
        """Return the value at hand, or the flight that will bring it or has failed to."""
        with self._lock:
            at_hand = None if fresh else self._at_hand(request)
            if at_hand is not None:
                self.stats.hits += 1
                return at_hand
            return self._refused(request, fresh=fresh) or self._flight(request, fresh=fresh)

    @contextlib.contextmanager
    def together(self) -> Generator[None]:
        """Start what is asked for in the block in one go, so that a source can fetch it so."""
        with self._lock, self._portal.together():
            yield

    def counts(self, flight: Flight) -> bool:
        """Whether the flight still answers who asked at its start."""
        # Another store's may never land here: a forked child has its parent's, without the thread.
        return flight.owner is self and flight.counts(moment(self.clock), self.settings.timeout)

    def renewed(self, entry: Entry) -> Entry | None:
        """Return what is at hand in the place of an entry that somebody kept."""
        with self._lock:
            return self._at_hand(entry.request)

    def settle(self, flight: Flight, *, fresh: bool = False) -> Entry:
        """Return what a landed flight means to one who waited for it.

        Raises:
            CoreBackendError: It failed, and no stale value may serve.
        """
        if flight.entry is not None:
            return flight.entry
        error = too_late(flight.request) if flight.error is None else flight.error.fresh()
        stale = None if fresh else self._stale(flight.request, error)
        if stale is None:
            raise error
        return stale

    def apply(self, settings: Settings) -> None:
        """Change the settings; what is cached stays, where it is still allowed."""
        with self._lock:
            before, self.settings = self.settings, settings
            self.cache.reschedule(settings)
            if settings.allow != before.allow:
                self.cache.forget(lambda request: not is_allowed(request, settings.allow))
            if self._source is not None and settings.connecting != before.connecting:
                self._portal.spawn_after(self._source.aclose)
                self._source = None

    def clear(self, *, wake: bool = True) -> None:
        """Forget everything; what is under way is delivered, but not kept."""
        with self._lock:
            self._flights.abandon(wake=wake)
            self.cache.clear()

    def leave_to_parent(self) -> None:
        """Forget the values in a forked child, and leave alone what is the parent's."""
        self.cache.wipe()
        self._portal.leave_to_parent()

    def close(self, *, wake: bool = True) -> None:
        """Forget everything, and end the thread and its connections."""
        self.clear(wake=wake)
        with self._lock:
            self.cache.close()
            portal, self._portal = self._portal, LazyPortal()
            source, self._source = self._source, None
        portal.close(None if source is None else source.aclose)

    def _at_hand(self, request: SecretRequest) -> Entry | None:
        entry = self.cache.entry(request.key)
        if entry is None or self.cache.age(entry) >= entry.expires:
            return None
        if (
            entry.young_value() is None
            and self.cache.failure(request.key) is None
            and self._joinable(request, fresh=False) is None
            # With no time left, it would be frozen in the middle.
            and remaining_seconds() > 0
        ):
            # A hit answers, whatever is wrong with the settings since.
            with contextlib.suppress(ConfigurationError):
                self._launch(request, fresh=False, allowed=self.settings.timeout)
        return entry

    def _refused(self, request: SecretRequest, *, fresh: bool) -> Flight | None:
        """Return the failure that stands in the way of asking the service."""
        self.stats.misses += 1
        now = moment(self.clock)
        failure = self.cache.failure(request.key)
        if failure is not None and (treatment_of(failure.error).transient or not fresh):
            return Flight.failed(request, failure.error, now, owner=self)
        if remaining_seconds() <= 0:
            return Flight.failed(request, too_late(request), now, owner=self)
        return None

    def _flight(self, request: SecretRequest, *, fresh: bool) -> Flight:
        joined = self._joinable(request, fresh=fresh)
        if joined is not None:
            self.stats.coalesced += 1
            return joined
        return self._launch(request, fresh=fresh, allowed=remaining_seconds())

    def _joinable(self, request: SecretRequest, *, fresh: bool) -> Flight | None:
        return self._flights.joinable(
            request, moment(self.clock), self.settings.timeout, fresh=fresh
        )

    def _launch(self, request: SecretRequest, *, fresh: bool, allowed: float) -> Flight:
        # Once more: a handle asks anew without having been checked.
        check_allowed(request, self.settings.allow)
        flight = Flight(request, moment(self.clock), fresh=fresh, allowed=allowed, owner=self)
        anew = partial(self._begun_anew, flight)
        attempts = Attempts(
            self._sourced(), self.settings, self.clock, self.random, allowed, begun_anew=anew
        )
        self._flights.add(flight)
        self.stats.fetches += 1
        self._portal.spawn(partial(self._fly, flight, attempts))
        return flight

    def _begun_anew(self, flight: Flight) -> bool:
        with self._lock:
            return self._flights.begin_anew(flight, moment(self.clock), self.settings.timeout)

    async def _fly(self, flight: Flight, attempts: Attempts) -> None:
        request = flight.request
        outcome: Entry | CoreBackendError = cut_off(request)
        try:
            fetched = await attempts.fetch(request.afresh() if flight.fresh else request)
            outcome = self.cache.made(request, fetched, attempts.sent)
        except CoreBackendError as error:
            # As new: the frames of its traceback hold the source, and that the credentials.
            outcome = error.fresh()
        finally:
            with self._lock:
                flight.cut_short = attempts.cut_short
                if not flight.abandoned:
                    outcome = self._kept(request.key, outcome, attempts)
                elif isinstance(outcome, Entry):
                    outcome.retire()
                flight.land(outcome, moment(self.clock))
                self._flights.remove(flight)

    def _kept(
        self, key: Key, outcome: Entry | CoreBackendError, attempts: Attempts
    ) -> Entry | CoreBackendError:
        if isinstance(outcome, Entry):
            return self.cache.store(outcome)
        self.stats.failures += 1
        attempts.note(outcome, key, self.cache)
        return outcome

    def _stale(self, request: SecretRequest, error: CoreBackendError) -> Entry | None:
        entry = self.cache.stale(request.key) if treatment_of(error).transient else None
        if entry is not None:
            self.stats.stale += 1
            warn_of_stale(entry, error)
        return entry

    def _sourced(self) -> SecretSource:
        while (source := self._source) is None:
            settings = self.settings
            # Outside of the lock: it imports, and meanwhile a signal handler may ask as well.
            chosen = self.choose(settings, self.clock)
            with self._lock:
                if self._source is None and settings is self.settings:
                    self._source, self.stats.source, self.stats.reason = chosen
        return source
