"""How much of the invocation is left, for whatever is asked in it."""

from __future__ import annotations

import math
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["remaining_millis", "remaining_seconds"]

# Kept back so that the handler can still answer when a fetch runs out of time.
_RESERVE = 0.5

remaining_millis: ContextVar[Callable[[], int] | None] = ContextVar(
    "core_backend_remaining_millis", default=None
)
"""The Lambda context's ``get_remaining_time_in_millis``, set for the time of an invocation."""


def remaining_seconds() -> float:
    """Return what a fetch may use of the invocation, in seconds: infinite outside of one."""
    millis = remaining_millis.get()
    return math.inf if millis is None else millis() / 1000 - _RESERVE
