"""What the cache has done so far: counts only, never a value."""

from __future__ import annotations

__all__ = ["SecretsInfo"]


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
    )

    def __init__(self) -> None:
        self.hits = self.misses = self.fetches = self.coalesced = self.stale = self.failures = 0
        self.source: str | None = None
        self.reason: str | None = None

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
