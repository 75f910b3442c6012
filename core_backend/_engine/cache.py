"""Entries and their ages, and failures and theirs. No I/O, and no AWS."""

from __future__ import annotations

import contextlib
import math
import threading
import weakref
from typing import TYPE_CHECKING, Any

from core_backend._clock import age, moment
from core_backend._engine.bounded import Bounded

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_backend._clock import Clock, Moment, Sent
    from core_backend._configuration import Settings
    from core_backend._engine.redaction import Redactor
    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import Key, SecretRequest, SecretValue
    from core_backend.values import SecretBytes, SecretText

__all__ = [
    "Cache",
    "Entry",
    "Failure",
]


class Entry:
    """One fetched value, dated by when it was asked for: it may have changed since then.

    Attributes:
        handle: What hits hand out for it, made by the first.
        wall_due: Until when, by the wall clock, it needs no refresh.
    """

    __slots__ = (
        "__weakref__",
        "_jitter",
        "_monotonic",
        "_monotonic_due",
        "_monotonic_sent",
        "expires",
        "handle",
        "order",
        "request",
        "sent",
        "value",
        "version_id",
        "wall",
        "wall_due",
        "wall_sent",
        "warned",
    )

    def __init__(
        self,
        request: SecretRequest,
        fetched: SecretValue,
        sent: Sent,
        clock: Clock,
        jitter: float,
    ) -> None:
        self.request = request
        self.value: SecretText | SecretBytes | None = fetched.value
        self.version_id = fetched.version_id
        self.sent = sent.at
        self.order = sent.order
        self.warned = False
        self.handle: Any = None
        self.wall = clock.wall
        self.wall_sent = sent.at.wall
        self._monotonic = clock.monotonic
        self._monotonic_sent = sent.at.monotonic
        self._jitter = jitter
        self.retire()

    def schedule(self, settings: Settings) -> None:
        """Work out the ages, in seconds, at which the entry is refreshed and expires."""
        self.expires = settings.ttl * (1 + settings.jitter * self._jitter)
        refreshes = self.expires * settings.refresh_ahead
        self.wall_due = self.wall_sent + refreshes
        self._monotonic_due = self._monotonic_sent + refreshes

    def young_value(self) -> Any:
        """Return the value, or ``None`` where it needs a refresh: what awaiting a hit comes to."""
        if (
            self.wall_sent <= self.wall() < self.wall_due
            and self._monotonic_sent <= self._monotonic() < self._monotonic_due
        ):
            return self.value
        return None

    def retire(self) -> None:
        """Let it serve nobody but those who are reading it."""
        self.expires = 0.0
        self.wall_due = self._monotonic_due = -math.inf

    def wipe(self) -> None:
        """Let go of the value, for those who still hold the entry as well: they ask again."""
        self.retire()
        self.value = self.handle = None


class Failure:
    """A failure that answers for itself for a while.

    Attributes:
        order: The place of the attempt that failed among all attempts.
        failures: How many there were in a row.
    """

    __slots__ = ("error", "failures", "landed", "order", "seconds")

    def __init__(
        self, error: CoreBackendError, order: int, landed: Moment, seconds: float, failures: int
    ) -> None:
        self.error = error
        self.order = order
        self.landed = landed
        self.seconds = seconds
        self.failures = failures


class Cache:
    """The values at hand and the failures remembered, each bounded, least recently used first.

    Args:
        clock: Tells the time.
        random: Returns a number from 0 to 1; spreads the expiries.
        settings: Ages and size.

    Attributes:
        entries: The values at hand, by key, least recently used first.
    """

    def __init__(self, clock: Clock, random: Callable[[], float], settings: Settings) -> None:
        self._clock = clock
        self._random = random
        self._settings = settings
        self._lock = threading.Lock()
        self.entries: Bounded[Key, Entry] = Bounded(settings.max_entries)
        # Apart from the entries: ids made up by a caller must not push out good values.
        self._failures: Bounded[Key, Failure] = Bounded(settings.max_entries)
        # The attempt that last evicted each key, and why: no older reply brings the value back.
        self._evicted: Bounded[Key, tuple[int, CoreBackendError]] = Bounded(settings.max_entries)
        # Every entry that somebody holds, kept or not: what is forgotten is forgotten everywhere.
        self._living: weakref.WeakSet[Entry] = weakref.WeakSet()
        self._redactor: Redactor | None = None
        self._redact(settings)

    def young(self, key: Key) -> Entry | None:
        """Return the entry, if it needs no refresh yet by the wall clock.

        The way of every hit, so it does without what can be done without. The lock: whoever
        removes the entry meanwhile makes it a miss. The other clock: where the two differ, since
        somebody set the wall clock back, awaiting the value will tell.
        """
        try:
            entry = self.entries[key]
            if entry.wall_sent <= entry.wall() < entry.wall_due:
                self.entries.move_to_end(key)
                return entry
        except KeyError:
            pass
        return None

    def entry(self, key: Key) -> Entry | None:
        """Return the entry, however old."""
        entry = self.entries.get(key)
        if entry is not None:
            # Removed meanwhile, it was at hand a moment ago.
            with contextlib.suppress(KeyError):
                self.entries.move_to_end(key)
        return entry

    def age(self, entry: Entry) -> float:
        """Return the entry's age in seconds."""
        return age(entry.sent, moment(self._clock))

    def stale(self, key: Key) -> Entry | None:
        """Return the entry, where it may serve while the service is failing."""
        entry = self.entry(key)
        if entry is None or self.age(entry) >= entry.expires + self._settings.max_stale:
            return None
        return entry

    def failure(self, key: Key) -> Failure | None:
        """Return the failure that still answers for the key."""
        with self._lock:
            failure = self._failures.get(key)
        if failure is None or age(failure.landed, moment(self._clock)) >= failure.seconds:
            return None
        return failure

    def made(self, request: SecretRequest, fetched: SecretValue, sent: Sent) -> Entry:
        """Return an entry of the value, not yet kept."""
        entry = Entry(request, fetched, sent, self._clock, 2 * self._random() - 1)
        entry.schedule(self._settings)
        with self._lock:
            self._living.add(entry)
            if self._redactor is not None:
                self._redactor.keep(request.key, fetched.value)
        return entry

    def store(self, entry: Entry) -> Entry | CoreBackendError:
        """Keep an entry, and return what is to be used: a newer one, where there is one.

        Where its key was evicted after it was asked for, that is the reason: whoever asked since
        may have joined those who asked before, and a value known to be revoked serves nobody.
        """
        key = entry.request.key
        with self._lock:
            known = self.entries.get(key)
            if known is not None and known.order > entry.order:
                return known
            evicted = self._evicted.get(key)
            if evicted is not None and evicted[0] > entry.order:
                entry.wipe()
                return evicted[1]
            failure = self._failures.get(key)
            if failure is not None and failure.order < entry.order:
                del self._failures[key]
            if known is not None:
                known.wipe()
            self.entries[key] = entry
        return entry

    def remember(
        self, key: Key, error: CoreBackendError, order: int, seconds: Callable[[int], float]
    ) -> None:
        """Let a failure answer for itself for ``seconds(failures in a row)``.

        Unless the key was asked for with more success since. Whoever is served a stale value
        because of it is warned once more.
        """
        landed = moment(self._clock)
        with self._lock:
            known = self.entries.get(key)
            if known is not None:
                if known.order > order:
                    return
                known.warned = False
            before = self._failures.get(key)
            failures = 1 if before is None else before.failures + 1
            self._failures[key] = Failure(error, order, landed, seconds(failures), failures)

    def evict(self, key: Key, order: int, error: CoreBackendError) -> None:
        """Forget the value, whoever holds it, unless it was asked for after that attempt."""
        with self._lock:
            self._wipe(lambda entry: entry.request.key == key and entry.order <= order)
            evicted = self._evicted.get(key)
            if evicted is None or evicted[0] < order:
                self._evicted[key] = (order, error)

    def forget(self, unwanted: Callable[[SecretRequest], bool]) -> None:
        """Forget the values of some requests, whoever holds them."""
        with self._lock:
            self._wipe(lambda entry: unwanted(entry.request))

    def reschedule(self, settings: Settings) -> None:
        """Apply changed settings to what is already at hand."""
        with self._lock:
            self._settings = settings
            # All at once: a hit, which takes no lock, moves its entry to the end.
            for entry in list(self.entries.values()):
                entry.schedule(settings)
            self.entries.shrink(settings.max_entries)
            self._failures.shrink(settings.max_entries)
            self._evicted.shrink(settings.max_entries)
            self._redact(settings)

    def clear(self) -> None:
        """Forget everything, values first."""
        with self._lock:
            self._wipe(lambda _: True)
            self._failures.clear()
            self._evicted.clear()
            if self._redactor is not None:
                self._redactor.forget()

    def close(self) -> None:
        """Mask no logs any more. Without the lock, which in a forked child may be held for ever."""
        redactor, self._redactor = self._redactor, None
        if redactor is not None:
            redactor.close()

    def wipe(self) -> None:
        """Let go of all values, in a forked child: the lock may be held by a thread that is not."""
        for entry in self._living:
            entry.wipe()

    def _redact(self, settings: Settings) -> None:
        if not settings.redact_logs:
            self.close()
            return
        if self._redactor is None:
            # Here and not above: only who wants it pays for the import.
            from core_backend._engine.redaction import Redactor  # noqa: PLC0415

            self._redactor = Redactor(settings.max_entries)
        self._redactor.resize(settings.max_entries)
        for entry in self._living:
            if entry.value is not None:
                self._redactor.keep(entry.request.key, entry.value)

    def _wipe(self, unwanted: Callable[[Entry], bool]) -> None:
        for entry in self._living:
            if unwanted(entry):
                entry.wipe()
                key = entry.request.key
                if self.entries.get(key) is entry:
                    del self.entries[key]
