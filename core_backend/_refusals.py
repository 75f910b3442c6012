"""What the cache itself refuses, before or in place of a source's answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core_backend.errors import (
    SecretAccessDeniedError,
    SecretTimeoutError,
    SecretUnavailableError,
)

if TYPE_CHECKING:
    from core_backend._entry import Entry
    from core_backend.sources.protocol import SecretRequest

__all__ = ["check_allowed", "cut_off", "is_allowed", "too_late", "warn_of_stale"]

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
