"""How each kind of failure is treated: the table of the design, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_backend.errors import (
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources.protocol import CREDENTIAL_CODES

if TYPE_CHECKING:
    from core_backend.errors import CoreBackendError

__all__ = ["Treatment", "cool_down", "treatment_of"]


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

_TREATMENTS: dict[type[SecretError], Treatment] = {
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
    if not isinstance(error, SecretError):
        return _OTHER
    if error.code in CREDENTIAL_CODES:
        return _CREDENTIALS
    return _TREATMENTS.get(type(error), _OTHER)


def cool_down(failures: int) -> float:
    """Return for how many seconds the service is left alone after that many failures in a row."""
    return min(_FIRST_COOL_DOWN * 2.0 ** (min(failures, 16) - 1), _LONGEST_COOL_DOWN)
