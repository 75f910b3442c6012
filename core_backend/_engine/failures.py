"""How each kind of failure is treated: the table of the design, as a table."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core_backend.errors import (
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
)

if TYPE_CHECKING:
    from core_backend._engine.cache import Entry
    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import SecretRequest

__all__ = [
    "Treatment",
    "check_allowed",
    "cool_down",
    "cut_off",
    "is_allowed",
    "too_late",
    "treatment_of",
    "warn_of_stale",
]


class Treatment:
    """What follows from one kind of failure.

    Attributes:
        attempts: How often a fetch that fails so is tried in all, where the settings allow as many.
        transient: Whether a stale value may serve, and the failure calls for a cool-down.
        evicts: Whether the value at hand is forgotten at once.
        remembered: For how many seconds the failure answers for itself, at no call.
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


_TRANSIENT = Treatment(attempts=float("inf"), transient=True)
# A revoked, deleted or vanished secret must not go on serving from the cache.
_FINAL = Treatment(evicts=True, remembered=5.0)
_CREDENTIALS = Treatment(attempts=2)
_OTHER = Treatment()

_TREATMENTS: dict[type[CoreBackendError], Treatment] = {
    SecretThrottledError: _TRANSIENT,
    SecretUnavailableError: _TRANSIENT,
    SecretTimeoutError: _TRANSIENT,
    SecretNotFoundError: _FINAL,
    SecretDeletedError: _FINAL,
    SecretAccessDeniedError: _FINAL,
    SecretDecryptionError: _FINAL,
    SecretNotSetError: Treatment(remembered=5.0),
}

_FIRST_COOL_DOWN = 1.0
_LONGEST_COOL_DOWN = 30.0


def treatment_of(error: CoreBackendError) -> Treatment:
    """Return what follows from ``error``."""
    if error.blames_credentials:
        return _CREDENTIALS
    return _TREATMENTS.get(type(error), _OTHER)


def cool_down(failures: int) -> float:
    """Return for how many seconds the service is left alone after that many failures in a row."""
    return min(_FIRST_COOL_DOWN * 2.0 ** (min(failures, 16) - 1), _LONGEST_COOL_DOWN)


_log = logging.getLogger("core_backend")


def is_allowed(request: SecretRequest, allow: tuple[str, ...]) -> bool:
    """Whether it is on the list of what may be fetched; an empty list allows all."""
    secret_id = request.secret_id
    return not allow or any(
        secret_id.startswith(entry[:-1]) if entry.endswith("*") else secret_id == entry
        for entry in allow
    )


def check_allowed(request: SecretRequest, allow: tuple[str, ...]) -> None:
    """Refuse what is not on the list of what may be fetched.

    Raises:
        SecretAccessDeniedError: It is not on the list.
    """
    if not is_allowed(request, allow):
        raise SecretAccessDeniedError(
            f"secret {request.label!r} is not on the list of what may be fetched, and was not "
            f"asked for; add it, or a prefix ending in *, to the setting allow",
            secret_id=request.label,
        )


def too_late(request: SecretRequest) -> SecretTimeoutError:
    """Return the error for a fetch that the invocation has no time for."""
    return SecretTimeoutError(
        f"secret {request.label!r}: too little is left of the invocation to fetch it; give the "
        f"function a longer timeout, or ask for the secret earlier",
        secret_id=request.label,
    )


def cut_off(request: SecretRequest) -> SecretUnavailableError:
    """Return the error for a fetch that ended with the cache it was for."""
    return SecretUnavailableError(
        f"secret {request.label!r}: its fetch was cut off, since the cache was closed; ask for "
        f"it again",
        secret_id=request.label,
    )


def warn_of_stale(entry: Entry, error: Exception) -> None:
    """Say that an expired value serves, and because of what: once, until a refresh fails anew."""
    if entry.warned:
        return
    entry.warned = True
    _log.warning(
        "secret %r: serving a value past its expiry, since it could not be refreshed (%s)",
        entry.request.label,
        type(error).__name__,
    )
