"""What ``configure`` changed: each block takes away its own, in whatever order they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from core_backend._settings import Settings

__all__ = ["Changes", "Restore"]


class Restore:
    """Takes back what one call changed, at the end of a ``with`` block."""

    def __init__(self, take_back: Callable[[Restore], None]) -> None:
        self._take_back = take_back

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._take_back(self)


class Changes:
    """Those in force, oldest first: of two that say the same setting, the newer counts.

    Not locked: its owner changes it under one lock.
    """

    def __init__(self) -> None:
        self._made: list[tuple[ref[Restore], dict[str, Any]]] = []

    def add(self, restore: Restore, settings: dict[str, Any]) -> None:
        """Put settings, checked already, in force until ``restore`` is through."""
        self._join()
        self._made.append((ref(restore), settings))

    def remove(self, restore: Restore) -> None:
        """Take back what came with ``restore``, if it is still there."""
        self._made = [(of, settings) for of, settings in self._made if of() is not restore]

    def over(self, settings: Settings) -> Settings:
        """Return ``settings`` with all the changes made."""
        for _, changes in self._made:
            settings = settings.replace(**changes)
        return settings

    def _join(self) -> None:
        """Make one of neighbours that nobody can take back, or each call would be kept."""
        joined: list[tuple[ref[Restore], dict[str, Any]]] = []
        for of, settings in self._made:
            if joined and of() is None and joined[-1][0]() is None:
                joined[-1][1].update(settings)
            else:
                joined.append((of, settings))
        self._made = joined
