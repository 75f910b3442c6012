"""The values at hand: their ages, and what counts as a hit. No I/O, and nothing of AWS.

One rule decides every hit, ``Entry.young_value``: a value is young until its refresh is due, by
both clocks. (Asking looks at the wall clock alone, for speed. Awaiting decides.) An older entry can
still be handed out while it is refreshed (``has_expired``), and while the service fails
(``can_serve_stale``).
"""

from __future__ import annotations

import contextlib
import math
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar

from core_backend._clock import age

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_backend._clock import Clock, Moment, Sent
    from core_backend._configuration import Settings
    from core_backend._engine.redaction import Redactor
    from core_backend.errors import CoreBackendError
    from core_backend.sources import Key, SecretRequest, SecretValue
    from core_backend.values import SecretBytes, SecretText


__all__ = [
    "Bounded",
    "Cache",
    "Entry",
    "SecretsInfo",
]

K = TypeVar("K")
V = TypeVar("V")


class Bounded(OrderedDict[K, V]):
    """A dict of up to ``size`` items that drops the least recently used one.

    Reading a key does not count as use; ``move_to_end`` does. It is not locked, but each method it
    inherits is one call into C and so happens as a whole. That is why a hit can do without a lock,
    and why this is not ``cachetools.LRUCache``, which takes twice as long.

    Args:
        size: The most items it holds.
        on_drop: Called with each value that is dropped for want of room.
    """

    def __init__(self, size: int, on_drop: Callable[[V], object] | None = None) -> None:
        super().__init__()
        self._size = size
        self._on_drop = on_drop

    def __setitem__(self, key: K, value: V) -> None:
        """Set the item as the one used last, and drop those that no longer fit."""
        super().__setitem__(key, value)
        self.move_to_end(key)
        self.resize(self._size)

    def resize(self, size: int) -> None:
        """Hold up to ``size`` items from now on."""
        self._size = size
        while len(self) > size:
            _, value = self.popitem(last=False)
            if self._on_drop is not None:
                self._on_drop(value)


class Entry:
    """One fetched value, dated by when its request was sent: it may have changed since then.

    Attributes:
        expires: The age in seconds at which it expires.
        handle: The handle that all hits without a parser share; the first hit makes it.
        order: The place of its attempt among all attempts of the process.
        value: The value, or ``None`` once it was wiped.
        wall_due: When its refresh is due, by the wall clock.
        wall_sent: When it was sent, by the wall clock.
        warned: Whether a warning has said that it serves past its expiry.
    """

    __slots__ = (
        "__weakref__",
        "_jitter",
        "_monotonic_due",
        "_monotonic_sent",
        "expires",
        "handle",
        "monotonic",
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
        # Copies, since a hit has less than a microsecond.
        self.wall_sent = sent.at.wall
        self._monotonic_sent = sent.at.monotonic
        self.order = sent.order
        self.warned = False
        self.handle: Any = None
        self.wall = clock.wall
        self.monotonic = clock.monotonic
        self._jitter = jitter
        self.retire()

    def schedule(self, settings: Settings) -> None:
        """Work out, from the settings, when the entry is refreshed and when it expires."""
        self.expires = settings.ttl * (1 + settings.jitter * self._jitter)
        refreshed = self.expires * settings.refresh_ahead
        self.wall_due = self.sent.wall + refreshed
        self._monotonic_due = self.sent.monotonic + refreshed

    def young_value(self, wall: float, monotonic: float) -> Any:
        """Return the value if this is a hit: no refresh is due yet, by either clock.

        Args:
            wall: The time now by the wall clock, in seconds.
            monotonic: The same by the monotonic clock.

        Returns:
            The value; ``None`` if a refresh is due, a clock ran backwards, or it was wiped.
        """
        if (
            self.wall_sent <= wall < self.wall_due
            and self._monotonic_sent <= monotonic < self._monotonic_due
        ):
            return self.value
        return None

    def has_expired(self, now: Moment) -> bool:
        """Return whether it is too old to be handed out while the service answers."""
        return age(self.sent, now) >= self.expires

    def can_serve_stale(self, now: Moment, max_stale: float) -> bool:
        """Return whether it may serve while the service fails.

        A clock that was set back says nothing about the age, so the other one decides.
        """
        ages = (now.wall - self.sent.wall, now.monotonic - self.sent.monotonic)
        known = max(ages)
        return self.value is not None and 0 <= known < self.expires + max_stale

    def retire(self) -> None:
        """Let it expire now. Those who are reading it may go on."""
        self.expires = 0.0
        self.wall_due = self._monotonic_due = -math.inf

    def drop_handle(self) -> None:
        """Let go of the shared handle, which holds the entry in turn."""
        self.handle = None

    def wipe(self) -> None:
        """Drop the value, also for those who still hold the entry: they ask again."""
        self.retire()
        self.value = self.handle = None


class Cache:
    """The values at hand, up to ``max_entries`` of them.

    Whoever changes it holds the store's lock. Hits, which ``secrets`` takes from ``entries``, take
    none: an entry that is removed meanwhile is a miss.

    Args:
        clock: Tells the time.
        random: Returns a number from 0 to 1, which spreads the expiries.
        settings: Ages and size.

    Attributes:
        entries: The entries by key, least recently used first.
    """

    def __init__(self, clock: Clock, random: Callable[[], float], settings: Settings) -> None:
        self._clock = clock
        self._random = random
        self._settings = settings
        self.entries: Bounded[Key, Entry] = Bounded(settings.max_entries, Entry.drop_handle)
        # Every entry that somebody holds, in the cache or not: a value that is forgotten is
        # forgotten everywhere.
        self._living: weakref.WeakSet[Entry] = weakref.WeakSet()
        # For each evicted key the order of the fetch that was refused, and the refusal: an older
        # answer must not bring the value back.
        self._evicted: Bounded[Key, tuple[int, CoreBackendError]] = Bounded(settings.max_entries)
        self._redactor: Redactor | None = None
        self._configure_redaction(settings)

    def find(self, key: Key) -> Entry | None:
        """Return the entry, however old, and mark it as used."""
        entry = self.entries.get(key)
        if entry is not None:
            with contextlib.suppress(KeyError):
                self.entries.move_to_end(key)
        return entry

    def add(self, request: SecretRequest, fetched: SecretValue, sent: Sent) -> Entry:
        """Return an entry for a fetched value. ``keep`` puts it into the cache."""
        entry = Entry(request, fetched, sent, self._clock, 2 * self._random() - 1)
        entry.schedule(self._settings)
        self._living.add(entry)
        if self._redactor is not None:
            self._redactor.keep(request.key, fetched.value)
        return entry

    def keep(self, entry: Entry) -> Entry | CoreBackendError:
        """Put an entry into the cache, unless something newer is known.

        Returns:
            What the fetch's callers get: the entry; a newer one, if there is one; or the refusal
            that evicted its key after it was asked for. A caller may have joined a fetch that
            was sent before the refusal, and must not get the revoked value.
        """
        key = entry.request.key
        known = self.entries.get(key)
        if known is not None and known.order > entry.order:
            return known
        evicted = self._evicted.get(key)
        if evicted is not None and evicted[0] > entry.order:
            entry.wipe()
            return evicted[1]
        if known is not None:
            known.wipe()
        self.entries[key] = entry
        return entry

    def evict(self, key: Key, order: int, error: CoreBackendError) -> None:
        """Forget a value everywhere, unless it was asked for after the fetch that was refused."""
        self._wipe(lambda entry: entry.request.key == key and entry.order <= order)
        evicted = self._evicted.get(key)
        if evicted is None or evicted[0] < order:
            self._evicted[key] = (order, error)

    def forget(self, unwanted: Callable[[SecretRequest], bool]) -> None:
        """Forget the values of some requests everywhere."""
        self._wipe(lambda entry: unwanted(entry.request))

    def configure(self, settings: Settings) -> None:
        """Apply changed settings to the values at hand."""
        self._settings = settings
        # A copy: a hit, which takes no lock, moves its entry to the end.
        for entry in list(self.entries.values()):
            entry.schedule(settings)
        self.entries.resize(settings.max_entries)
        self._evicted.resize(settings.max_entries)
        self._configure_redaction(settings)

    def clear(self) -> None:
        """Forget everything, values first."""
        self._wipe(lambda _: True)
        self._evicted.clear()
        if self._redactor is not None:
            self._redactor.forget()

    def close(self) -> None:
        """Stop masking logs. It takes no lock, which in a forked child might never be released."""
        redactor, self._redactor = self._redactor, None
        if redactor is not None:
            redactor.close()

    def wipe(self) -> None:
        """Drop all values in a forked child, where the lock may be held by a missing thread."""
        for entry in self._living:
            entry.wipe()

    def _configure_redaction(self, settings: Settings) -> None:
        if not settings.redact_logs:
            self.close()
            return
        if self._redactor is None:
            # Imported here because few need it.
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


class SecretsInfo:
    """What the process's cache has done since it was built or reset.

    Attributes:
        hits: Answered from the cache, at no wait.
        misses: Not in the cache, expired, or asked for past it.
        fetches: Fetches started, each of one secret, whatever it took in attempts.
        coalesced: Answered by a fetch that somebody else had started.
        stale: Answered with an expired value, since the service was failing.
        failures: Fetches that failed in the end.
        source: Where values come from; ``None`` before the first fetch.
        reason: Why from there.
        tls: TLS version, cipher and, from Python 3.15 on, key exchange group of the newest
            connection, such as ``TLSv1.3 TLS_AES_256_GCM_SHA384``. ``None`` before the first
            connection, and for sources other than ``direct``.
    """

    __slots__ = (
        "coalesced",
        "failures",
        "fetches",
        "hits",
        "misses",
        "reason",
        "source",
        "stale",
        "tls",
    )

    def __init__(self) -> None:
        self.hits = self.misses = self.fetches = self.coalesced = self.stale = self.failures = 0
        self.source: str | None = None
        self.reason: str | None = None
        self.tls: str | None = None

    def copy(self) -> SecretsInfo:
        """Return the counts as they are now, which count no further."""
        copy = SecretsInfo()
        for name in self.__slots__:
            setattr(copy, name, getattr(self, name))
        return copy

    def __repr__(self) -> str:
        """Return all the counts, by name."""
        counts = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"SecretsInfo({counts})"
