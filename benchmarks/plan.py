"""How much is measured: all of it, or just enough to see that it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from libraries import OURS

if TYPE_CHECKING:
    from libraries import Library
    from service import Service

__all__ = ["Plan"]


class Plan(NamedTuple):
    """What one run of the benchmarks was asked to do."""

    libraries: tuple[Library, ...]
    service: Service
    rounds: int | None
    """How many rounds; each benchmark has its own default."""
    quick: bool

    def rounds_of(self, usual: int, quick: int = 2) -> int:
        """Return how many rounds a benchmark runs that usually runs so many."""
        return self.rounds or (quick if self.quick else usual)

    @property
    def warm_up(self) -> int:
        """How many rounds go before those that count: for the disk's cache, and the bytecode."""
        return 0 if self.quick else 1

    def environ(self, library: Library) -> dict[str, str]:
        """Return the variables that lead a library to the service."""
        return self.service.own_environ if library is OURS else self.service.environ

    def has(self, *keys: str) -> bool:
        """Whether all these libraries are measured."""
        return set(keys) <= {library.key for library in self.libraries}
