"""What is known of one secret: a value and its age, or a failure and how long it counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core_backend._clock import Clock, Moment, Sent
    from core_backend._settings import Settings
    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import SecretRequest, SecretValue
    from core_backend.values import SecretBytes, SecretText

__all__ = ["Entry", "Failure"]


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
