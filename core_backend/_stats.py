"""What the cache has done so far: counts only, never a value."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SecretsInfo", "Stats"]


class SecretsInfo(NamedTuple):
    """What the process's cache has done since it was built or reset."""

    hits: int
    """Answered from the cache, at no wait."""
    misses: int
    """Not in the cache, expired, or asked for past it."""
    fetches: int
    """Fetches started, each of one secret, whatever it took in attempts."""
    coalesced: int
    """Answered by a fetch that somebody else had started."""
    stale: int
    """Answered with an expired value, since the service was failing."""
    failures: int
    """Fetches that failed in the end."""
    source: str | None
    """Where values come from; ``None`` before the first fetch."""
    reason: str | None
    """Why from there."""


class Stats:
    """The running counts."""

    __slots__ = SecretsInfo._fields

    def __init__(self) -> None:
        self.hits = self.misses = self.fetches = self.coalesced = self.stale = self.failures = 0
        self.source: str | None = None
        self.reason: str | None = None

    def info(self) -> SecretsInfo:
        """Return the counts as they are now."""
        return SecretsInfo(*(getattr(self, name) for name in SecretsInfo._fields))
