"""Failure policy: which failures are retried, evict a value, or are remembered, and how long.

This module is loaded with the engine, because nothing can be imported once the file descriptors
have run out. Only ``FailureMemory`` imports something later, cachetools. If that fails, failures
are not remembered.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from core_backend._clock import Elapsed
from core_backend.errors import (
    ConfigurationError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources import NO_DESCRIPTOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_backend._clock import Clock
    from core_backend._engine.cache import Entry
    from core_backend.errors import CoreBackendError
    from core_backend.sources import Key, SecretRequest

__all__ = [
    "FailureMemory",
    "Policy",
    "cool_down",
    "cut_off_error",
    "not_allowed_error",
    "not_started_error",
    "policy_for",
    "retry_delay",
    "shortage_error",
    "stuck_error",
    "too_late_error",
    "warn_of_stale",
]

_log = logging.getLogger("core_backend")


class Policy:
    """What follows from one kind of failure.

    Attributes:
        attempts: The most attempts after this failure; the setting ``attempts`` may allow fewer.
        transient: Whether it may pass. Then a stale value may serve, and the service is left alone
            for a cool-down.
        evicts: Whether the cached value is forgotten at once.
        remembered: For how many seconds the failure is the answer, without a call. A transient one
            is remembered for its cool-down instead.
    """

    __slots__ = ("attempts", "evicts", "remembered", "transient")

    def __init__(
        self,
        *,
        attempts: float = 1,
        transient: bool = False,
        evicts: bool = False,
        remembered: float = 0.0,
    ) -> None:
        self.attempts = attempts
        self.transient = transient
        self.evicts = evicts
        self.remembered = remembered


_TRANSIENT = Policy(attempts=float("inf"), transient=True)
# A revoked, deleted or vanished secret must not go on serving from the cache.
_REFUSED = Policy(evicts=True, remembered=5.0)
# Tried once more, with credentials that are read anew.
_CREDENTIALS = Policy(attempts=2)
_OTHER = Policy()

_POLICIES: dict[type[CoreBackendError], Policy] = {
    SecretThrottledError: _TRANSIENT,
    SecretUnavailableError: _TRANSIENT,
    SecretTimeoutError: _TRANSIENT,
    SecretNotFoundError: _REFUSED,
    SecretDeletedError: _REFUSED,
    SecretAccessDeniedError: _REFUSED,
    SecretDecryptionError: _REFUSED,
    SecretNotSetError: Policy(remembered=5.0),
}

# The first retry waits up to this many seconds, each further one up to twice as long.
_FIRST_DELAY = 0.1
# The cool-down after one failure; each further failure in a row doubles it, up to the longest.
_FIRST_COOL_DOWN = 1.0
_LONGEST_COOL_DOWN = 30.0


def policy_for(error: CoreBackendError) -> Policy:
    """Return what follows from ``error``."""
    if error.blames_credentials:
        return _CREDENTIALS
    return _POLICIES.get(type(error), _OTHER)


def retry_delay(tried: int, random: Callable[[], float]) -> float:
    """Return how many seconds to wait after that many attempts: full jitter, doubling."""
    return random() * _FIRST_DELAY * 2.0 ** (tried - 1)


def cool_down(failures: int) -> float:
    """Return for how many seconds the service is left alone after that many failures in a row."""
    return min(_FIRST_COOL_DOWN * 2.0 ** (min(failures, 16) - 1), _LONGEST_COOL_DOWN)


_NONE: tuple[None, int, float] = (None, 0, 0.0)


class FailureMemory:
    """The failures that are still the answer, and how many there were in a row.

    The caller of each method holds the store's lock. It has a size of its own, because ids that a
    caller makes up must not push good values out of the cache.

    Args:
        clock: Tells the time.
        size: How many secrets' failures are remembered.
    """

    def __init__(self, clock: Clock, size: int) -> None:
        self._clock = clock
        self.resize(size)

    def resize(self, size: int) -> None:
        """Forget everything, and remember up to ``size`` failures from now on."""
        # Imported here because it takes more than a millisecond, and only a failure needs it.
        from cachetools import LRUCache, TLRUCache  # noqa: PLC0415

        self._answers: Any = TLRUCache(size, _end_of, Elapsed(self._clock))
        self._in_a_row: Any = LRUCache(size)

    def find(self, key: Key, *, transient_only: bool) -> CoreBackendError | None:
        """Return the failure that is the answer for ``key``, if there is one.

        Args:
            key: The secret's.
            transient_only: Whether only a cool-down counts, as for a fetch past the cache.
        """
        error: CoreBackendError | None = self._answers.get(key, _NONE)[0]
        if error is not None and transient_only and not policy_for(error).transient:
            return None
        return error

    def note(self, key: Key, error: CoreBackendError, order: int, *, counts: bool) -> None:
        """Remember a failure as long as its policy says.

        Args:
            key: The secret's.
            error: The failure.
            order: The place of the attempt that failed among all attempts.
            counts: Whether it says something about the service. One for which an invocation left
                too little time does not.
        """
        policy = policy_for(error)
        if not (counts if policy.transient else policy.remembered):
            return
        failures = self._in_a_row[key] = self._in_a_row.get(key, 0) + 1
        seconds = cool_down(failures) if policy.transient else policy.remembered
        self._answers[key] = (error, order, seconds)

    def forget(self, key: Key, order: int) -> None:
        """Forget what failed before a fetch of that order succeeded."""
        found = self._answers.get(key)
        if found is None or found[1] < order:
            self._answers.pop(key, None)
            self._in_a_row.pop(key, None)


def _end_of(_key: Key, found: tuple[CoreBackendError, int, float], now: float) -> float:
    return now + found[2]


def warn_of_stale(entry: Entry, error: Exception) -> None:
    """Warn that an expired value is served, and why: once after each failed refresh."""
    if entry.warned:
        return
    entry.warned = True
    _log.warning(
        "secret %r: serving a value past its expiry, since it could not be refreshed (%s)",
        entry.request.label,
        type(error).__name__,
    )


def too_late_error(request: SecretRequest) -> SecretTimeoutError:
    """Return the error for a fetch for which the invocation has no time."""
    return SecretTimeoutError(
        f"secret {request.label!r}: too little is left of the invocation to fetch it; give the "
        f"function a longer timeout, or ask for the secret earlier",
        secret_id=request.label,
    )


def stuck_error(request: SecretRequest) -> SecretUnavailableError:
    """Return the error for a fetch that does not end."""
    return SecretUnavailableError(
        f"secret {request.label!r}: its fetch did not end in time; if a signal handler or a "
        f"finalizer asked for it, that interrupted something which the fetch needs, such as an "
        f"import, so let it ask before",
        secret_id=request.label,
    )


def cut_off_error(request: SecretRequest) -> SecretUnavailableError:
    """Return the error for a fetch that ended with its store."""
    return SecretUnavailableError(
        f"secret {request.label!r}: its fetch was cut off, since the cache was closed; ask for "
        f"it again",
        secret_id=request.label,
    )


def not_allowed_error(request: SecretRequest) -> SecretAccessDeniedError:
    """Return the error for a secret that the setting ``allow`` leaves out."""
    return SecretAccessDeniedError(
        f"secret {request.label!r} is not on the list of what may be fetched, so it was not asked "
        f"for; add it, or a prefix ending in *, to the setting allow",
        secret_id=request.label,
    )


def not_started_error(request: SecretRequest, fault: Exception | None) -> CoreBackendError:
    """Return the error for a fetch that could not start."""
    if isinstance(fault, ModuleNotFoundError):
        return _not_installed(request, fault)
    return SecretUnavailableError(
        f"secret {request.label!r}: its fetch could not start ({type(fault).__name__}: {fault}); "
        f"free file descriptors or threads if they ran out, and ask again",
        secret_id=request.label,
    )


def shortage_error(request: SecretRequest, fault: Exception) -> CoreBackendError | None:
    """Return the error for a fetch that the process had not enough of something for.

    Returns:
        ``None`` if ``fault`` is something else. The message never quotes the text of ``fault``,
        which may contain what was being read.
    """
    if isinstance(fault, ModuleNotFoundError):
        return _not_installed(request, fault)
    if isinstance(fault, MemoryError):
        reason = "no memory is left; give the function more"
    elif isinstance(fault, ImportError):
        reason = f"module {fault.name!r} cannot be loaded; free file descriptors if they ran out"
    elif isinstance(fault, OSError) and fault.errno in NO_DESCRIPTOR:
        reason = "no file descriptor is left; close files and connections, or raise the limit"
    elif isinstance(fault, OSError):
        reason = _explain(fault)
    elif isinstance(fault, RuntimeError) and "new thread" in str(fault):
        reason = "no thread can be started; end some, or raise the limit"
    else:
        return None
    return SecretUnavailableError(
        f"secret {request.label!r}: its fetch could not go on: {reason}, and ask again",
        secret_id=request.label,
    )


def _explain(fault: OSError) -> str:
    told = os.strerror(fault.errno) if isinstance(fault.errno, int) else "no reason given"
    return f"{type(fault).__name__} ({told}); see that the function can read its own files"


def _not_installed(request: SecretRequest, fault: ModuleNotFoundError) -> ConfigurationError:
    return ConfigurationError(
        f"secret {request.label!r}: module {fault.name!r} is missing, which fetching needs; "
        f"install core_backend anew, with the extra aws-sdk if secrets come through the AWS SDK"
    )
