"""A dict that keeps what was used last."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

__all__ = ["Bounded"]

K = TypeVar("K")
V = TypeVar("V")


class Bounded(OrderedDict[K, V]):
    """Holds up to ``size`` items. What was neither set nor touched for longest goes first.

    Not locked; each method inherited is one call into C, and so happens as a whole.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def __setitem__(self, key: K, value: V) -> None:
        """Set the item, and let go of those there is no room for."""
        super().__setitem__(key, value)
        self.move_to_end(key)
        self.shrink(self.size)

    def shrink(self, size: int) -> None:
        """Hold up to ``size`` items from now on."""
        self.size = size
        while len(self) > size:
            self.popitem(last=False)
