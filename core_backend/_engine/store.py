"""The store: one process's secrets. ``_engine/__init__`` has the map and the rules."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from functools import partial
from typing import TYPE_CHECKING

from core_backend._clock import moment, remaining_seconds
from core_backend._configuration import allows
from core_backend._engine.attempts import Attempts
from core_backend._engine.cache import Cache, Entry, SecretsInfo
from core_backend._engine.failures import (
    FailureMemory,
    cut_off_error,
    not_allowed_error,
    not_started_error,
    policy_for,
    too_late_error,
)
from core_backend._engine.flight import Flight, Flights
from core_backend._engine.portal import Lock, Portal
from core_backend.errors import CoreBackendError
from core_backend.sources import SecretValue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core_backend._clock import Clock, Moment
    from core_backend._configuration import Settings
    from core_backend.sources import Key, SecretRequest, SecretSource

    Answer = Entry | Flight
    Choose = Callable[[Settings, Clock], tuple[SecretSource, str, str]]

__all__ = ["Store"]


class _Ask:
    """One call that asks for secrets: when, with how much time, and the flights it launches."""

    __slots__ = ("again", "fresh", "launched", "now", "seconds")

    def __init__(self, now: Moment, seconds: float, *, fresh: bool, again: bool) -> None:
        self.now = now
        self.seconds = seconds
        self.fresh = fresh
        self.again = again
        self.launched: dict[Key, Flight] = {}


class Store:
    """One process's secrets.

    Args:
        settings: The settings in force.
        clock: Tells the time.
        random: Returns a number from 0 to 1.
        choose: Makes the source when it is first needed. Returns it, its name, and why it is this.
    """

    def __init__(
        self, settings: Settings, clock: Clock, random: Callable[[], float], choose: Choose
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.random = random
        self.choose = choose
        self.stats = SecretsInfo()
        self.cache = Cache(clock, random, settings)
        # Guards every decision of the store. No code waits under it, and no code of others runs.
        self.lock = Lock()
        self._flights = Flights(clock, settings.max_entries)
        # Made with the first failure.
        self._failures: FailureMemory | None = None
        self._source: SecretSource | None = None
        self._portal: Portal | None = None

    # --- down: from a request to an entry, or to a flight ---------------------------------------

    def ask(
        self, requests: Sequence[SecretRequest], *, fresh: bool = False, again: bool = False
    ) -> list[Answer]:
        """Return an entry or a flight for each request. What has to be fetched is under way.

        Args:
            requests: What is asked for.
            fresh: Whether to fetch past the cache.
            again: Whether a handle asks again, which does not count as a hit.

        Raises:
            SecretAccessDeniedError: One of them is not on the list of what may be fetched.
            ConfigurationError: One of them cannot be fetched with these settings. If anything is
                raised, no fetch was started.
        """
        for request in requests:
            if fresh or self.cache.find(request.key) is None:
                self._check(request)
        seconds = remaining_seconds()
        while True:
            # Outside of the lock, since it imports modules, starts a thread and logs.
            source, portal, fault = self._prepare()
            with self.lock:
                # If not, changed settings have replaced them meanwhile.
                if source is self._source and portal is self._portal:
                    call = _Ask(moment(self.clock), seconds, fresh=fresh, again=again)
                    # No comprehension: on Python 3.12, one that is interrupted here can leave the
                    # block without giving the lock back.
                    answers = list(map(partial(self._answer, call=call), requests))
                    self._start_all(call, fault)
                    return answers

    def _answer(self, request: SecretRequest, call: _Ask) -> Answer:
        """Return a cached entry, a known failure, a flight to join, or a new flight."""
        entry = None if call.fresh else self._at_hand(request, call)
        if entry is not None:
            self.stats.hits += not call.again
            return entry
        self.stats.misses += 1
        error = self._reason_not_to_fetch(request, call)
        if error is not None:
            return self._failed(request, error, call.now)
        flight = self._find_flight(request, call)
        if flight is not None:
            self.stats.coalesced += 1
            return flight
        return self._launch(request, call)

    def _at_hand(self, request: SecretRequest, call: _Ask) -> Entry | None:
        """Return the cached entry, unless it has expired. If a refresh is due, launch it."""
        entry = self.cache.find(request.key)
        if entry is None or entry.has_expired(call.now):
            return None
        if (
            entry.young_value(call.now.wall, call.now.monotonic) is None
            and self._find_flight(request, call) is None
            and self._reason_not_to_fetch(request, call) is None
        ):
            self._launch(request, call, is_refresh=True)
        return entry

    def _reason_not_to_fetch(self, request: SecretRequest, call: _Ask) -> CoreBackendError | None:
        """Return a failure that is still the answer, or the lack of time."""
        if self._failures is not None:
            failure = self._failures.find(request.key, transient_only=call.fresh)
            if failure is not None:
                return failure
        return too_late_error(request) if call.seconds <= 0 else None

    def _find_flight(self, request: SecretRequest, call: _Ask) -> Flight | None:
        longest = self.settings.timeout
        found = self._flights.find(request, call.now, longest, fresh=call.fresh)
        return found or call.launched.get(request.key)

    def _launch(self, request: SecretRequest, call: _Ask, *, is_refresh: bool = False) -> Flight:
        flight = Flight(request, call.now, self.lock, owner=self, fresh=call.fresh)
        # A refresh may outlast this invocation.
        seconds = math.inf if is_refresh else call.seconds
        flight.seconds = min(seconds, self.settings.timeout)
        call.launched[request.key] = flight
        return flight

    def _failed(self, request: SecretRequest, error: CoreBackendError, now: Moment) -> Flight:
        flight = Flight(request, now, self.lock, owner=self)
        flight.land(error, now)
        return flight

    def _start_all(self, call: _Ask, fault: Exception | None) -> None:
        """Start the flights, all in one go. Only then can others join them.

        So no one waits for a flight that could not start, or whose start was interrupted.
        """
        flights = call.launched.values()
        if not flights:
            return
        source, portal = self._source, self._portal
        if source is not None and portal is not None:
            try:
                portal.spawn(*(partial(self._run, flight, source) for flight in flights))
            except RuntimeError as error:
                fault = error
                if portal.is_closed:
                    # The next call makes a new portal and a new source.
                    self._portal = self._source = None
            else:
                self.stats.fetches += len(flights)
                self._flights.add(flights)
                return
        for flight in flights:
            flight.land(not_started_error(flight.request, fault), call.now)

    # --- in the private thread: the fetch, and its landing --------------------------------------

    async def _run(self, flight: Flight, source: SecretSource) -> None:
        request = flight.request
        attempts = Attempts(source, self.settings, self.clock, self.random, flight.seconds)
        outcome: SecretValue | CoreBackendError | None = None
        try:
            outcome = await attempts.outcome(request.afresh() if flight.fresh else request)
        finally:
            with self.lock:
                flight.had_seconds = attempts.had_seconds
                flight.land(self._keep(flight, outcome, attempts), moment(self.clock))
                self._flights.remove(flight)
            flight.wake()

    def _keep(
        self, flight: Flight, outcome: SecretValue | CoreBackendError | None, attempts: Attempts
    ) -> Entry | CoreBackendError:
        """Cache a value, or remember a failure, and return what those who wait get.

        Args:
            flight: The flight that lands.
            outcome: What came of it; ``None`` if it was cancelled, since the store was closed.
            attempts: Its attempts.
        """
        request = flight.request
        # Once more: the list may have changed while it was under way.
        is_allowed = allows(self.settings.allow, request.secret_id)
        if not is_allowed or not isinstance(outcome, SecretValue):
            error = outcome if isinstance(outcome, CoreBackendError) else None
            return self._fail(flight, error, attempts)
        entry = self.cache.add(request, outcome, attempts.sent)
        if flight.abandoned:
            entry.retire()
            return entry
        if self._failures is not None:
            self._failures.forget(request.key, attempts.sent.order)
        return self.cache.keep(entry)

    def _fail(
        self, flight: Flight, error: CoreBackendError | None, attempts: Attempts
    ) -> CoreBackendError:
        request, order = flight.request, attempts.sent.order
        if not allows(self.settings.allow, request.secret_id):
            # Not remembered: the service did not refuse it, and the list may change again.
            return not_allowed_error(request)
        if error is None:
            error = cut_off_error(request)
        if flight.abandoned:
            return error
        self.stats.failures += 1
        if policy_for(error).evicts:
            self.cache.evict(request.key, order, error)
        entry = self.cache.find(request.key)
        if entry is not None:
            if entry.order > order:
                # It was fetched with success since.
                return error
            entry.warned = False
        # A fetch for which the invocation left too little time, or the process too few descriptors,
        # says nothing about the service.
        counts = attempts.had_seconds == math.inf and not attempts.was_lacking
        # If no descriptor or memory is left to import what it takes, it is not remembered.
        with contextlib.suppress(ImportError, MemoryError, OSError):
            if self._failures is None:
                self._failures = FailureMemory(self.clock, self.settings.max_entries)
            self._failures.note(request.key, error, order, counts=counts)
        return error

    # --- what a fetch needs, and what happens to the store as a whole ---------------------------

    def warm_up(self) -> threading.Event:
        """Make ready what a first fetch needs, in the background. Never raises.

        Returns:
            An event that is set when that has ended, whatever came of it.
        """
        ended = threading.Event()
        source, portal, _ = self._prepare()

        async def warm() -> None:
            try:
                # A first fetch meets the same fault, and tells it.
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(self.settings.timeout):
                        await source.warm()  # type: ignore[union-attr]
            finally:
                ended.set()

        try:
            if source is None or portal is None:
                ended.set()
            else:
                portal.spawn(warm)
        except RuntimeError:
            ended.set()
        return ended

    def info(self) -> SecretsInfo:
        """Return the counts as they are now, and what the source tells about its TLS."""
        info = self.stats.copy()
        info.tls = getattr(self._source, "tls", None)
        return info

    def configure(self, settings: Settings) -> None:
        """Change the settings. What is cached stays, if it is still allowed."""
        with self.lock:
            before, self.settings = self.settings, settings
            self.cache.configure(settings)
            if self._failures is not None and settings.max_entries != before.max_entries:
                self._failures.resize(settings.max_entries)
            if settings.allow != before.allow:
                self.cache.forget(lambda request: not allows(settings.allow, request.secret_id))
            if self._source is not None and settings.connecting != before.connecting:
                source, self._source = self._source, None
                if self._portal is not None:
                    self._portal.spawn_after(source.aclose)

    def clear(self) -> None:
        """Forget everything. What is under way is delivered, but not kept."""
        with self.lock:
            self._flights.disown()
            self._failures = None
            self.cache.clear()

    def close(self, *, wake: bool = True) -> None:
        """Forget everything, and end the private thread and its connections.

        Args:
            wake: Whether to wake those who wait. At the end of the process they would only fail.
        """
        with self.lock:
            if not wake:
                self._flights.drop_waiters()
            self.clear()
            self.cache.close()
            portal, self._portal = self._portal, None
            source, self._source = self._source, None
        if portal is not None:
            portal.close(None if source is None else source.aclose)

    def leave_to_parent(self) -> None:
        """Forget the values in a forked child, and leave the parent's thread and sockets alone."""
        self.cache.wipe()
        if self._portal is not None:
            self._portal.leave_to_parent()

    def _check(self, request: SecretRequest) -> None:
        """Refuse, before anything is sent, what must not or cannot be fetched."""
        try:
            if not allows(self.settings.allow, request.secret_id):
                raise not_allowed_error(request)
            self._choose_source().check(request)
        except CoreBackendError as error:
            failure = error.fresh()
        except TimeoutError:
            # See _prepare.
            raise
        except (ImportError, OSError) as error:
            # The source cannot be imported: no descriptor is left, or this is a signal handler or
            # a finalizer that interrupted its import.
            failure = not_started_error(request, error)
        else:
            return
        # As a new error, whose frames hold neither the source nor the environment.
        try:
            raise failure
        finally:
            # The error's traceback leads to this frame; see delivery.
            del failure

    def _prepare(self) -> tuple[SecretSource | None, Portal | None, Exception | None]:
        """Return the source and the portal, or what stands in the way of having them."""
        source, portal = self._source, self._portal
        try:
            source = source or self._choose_source()
            portal = portal or self._open_portal()
        except TimeoutError:
            # No system call here times out: a signal handler raised it.
            raise
        except (CoreBackendError, ImportError, OSError, RuntimeError) as error:
            return source, portal, error
        return source, portal, None

    def _choose_source(self) -> SecretSource:
        while (source := self._source) is None:
            settings = self.settings
            chosen = self.choose(settings, self.clock)
            with self.lock:
                if self._source is None and settings is self.settings:
                    self._source, self.stats.source, self.stats.reason = chosen
        return source

    def _open_portal(self) -> Portal:
        mine = Portal()
        with self.lock:
            portal = self._portal = self._portal or mine
        if portal is not mine:
            mine.close(None)
        return portal
