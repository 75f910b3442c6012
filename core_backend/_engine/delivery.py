"""The way back: from an answer to the value that a caller gets.

A caller's answer, an entry or a flight, may be old or useless: it may come from a store that is
gone, or from a fetch that was frozen. Then the caller asks again, here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_backend._clock import moment, remaining_seconds
from core_backend._engine.failures import policy_for, stuck_error, too_late_error, warn_of_stale
from core_backend._engine.flight import Flight

if TYPE_CHECKING:
    from collections.abc import Generator

    from core_backend._engine.cache import Entry
    from core_backend._engine.store import Store
    from core_backend.errors import CoreBackendError
    from core_backend.sources import SecretRequest
    from core_backend.values import SecretBytes, SecretText

__all__ = ["deliver"]

# How often one caller asks again because a fetch had no time, as after a freeze.
_MAX_TIMES_ASKED_AGAIN = 3
# Callers wait this many seconds longer than a fetch may take. It takes longer only if it cannot go
# on: it needs an import or a log handler that its caller's code interrupted.
_PATIENCE = 5.0
# After a freeze, a caller's wait and the fetch's time can end at the same moment. The caller waits
# up to this many seconds more for the outcome.
_AFTER_A_FREEZE = 1.0


def deliver(
    store: Store, request: SecretRequest, answer: Entry | Flight, *, fresh: bool
) -> Generator[tuple[Flight, float], None, tuple[Entry, SecretText | SecretBytes]]:
    """Turn a caller's answer into a value.

    Yields each flight that it has to wait for, and for how many seconds at most.

    Args:
        store: The process's store.
        request: What was asked for.
        answer: What a store returned for it, perhaps long ago.
        fresh: Whether it was asked for past the cache.

    Returns:
        The entry, and its value.

    Raises:
        CoreBackendError: It failed, and no cached value may serve.
    """
    asked_again = 0
    while True:
        if not _is_usable(answer, store):
            [answer] = store.ask([request], again=True)
            fresh = False
        if isinstance(answer, Flight):
            is_stuck = yield from _wait_for(answer)
            if answer.had_seconds < remaining_seconds() and asked_again < _MAX_TIMES_ASKED_AGAIN:
                asked_again += 1
                continue
            answer = _settle(answer, store, fresh=fresh, is_stuck=is_stuck)
        # Read once, since another thread may wipe it at any time. Then the caller asks again.
        value = answer.value
        if value is not None:
            return answer, value


def _is_usable(answer: Entry | Flight, store: Store) -> bool:
    # A kept entry is looked up again, since something newer may be at hand. In a forked child the
    # parent's flights never land.
    return (
        isinstance(answer, Flight)
        and answer.owner is store
        and answer.answers(moment(store.clock), store.settings.timeout)
    )


def _wait_for(flight: Flight) -> Generator[tuple[Flight, float], None, bool]:
    """Wait for a flight. Return whether its own time, not the invocation's, limited the wait."""
    left, longest = remaining_seconds(), flight.seconds + _PATIENCE
    if flight.landed_at is None:
        yield flight, min(left, longest)
    if flight.landed_at is None and longest < left:
        yield flight, _AFTER_A_FREEZE
    return longest < left


def _settle(flight: Flight, store: Store, *, fresh: bool, is_stuck: bool) -> Entry:
    """Return what a flight means to a caller whose wait for it is over."""
    if flight.entry is not None:
        return flight.entry
    error: CoreBackendError
    if flight.error is not None:
        error = flight.error.fresh()
    else:
        error = stuck_error(flight.request) if is_stuck else too_late_error(flight.request)
    entry = None if fresh else _stand_in(flight.request, error, store)
    if entry is not None:
        return entry
    try:
        raise error
    finally:
        # Its traceback leads to this frame: with the garbage collector off, both would stay.
        del error


def _stand_in(request: SecretRequest, error: CoreBackendError, store: Store) -> Entry | None:
    """Return a cached value that may serve in place of a failure."""
    if not policy_for(error).transient:
        return None
    with store.lock:
        entry, now = store.cache.find(request.key), moment(store.clock)
        if entry is None or not entry.has_expired(now):
            # If there is one, it was fetched after the failure.
            return entry
        if not entry.can_serve_stale(now, store.settings.max_stale):
            return None
        store.stats.stale += 1
    warn_of_stale(entry, error)
    return entry
