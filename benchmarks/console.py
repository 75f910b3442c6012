"""What is shown while it runs, and at the end."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Progress", "table"]

_WIDTH = 24


class Progress:
    """A bar on a terminal; elsewhere a line every few seconds."""

    _EVERY = 10.0

    def __init__(self, name: str, steps: int) -> None:
        self._name = name
        self._steps = steps
        self._done = 0
        self._shown = time.monotonic()

    def step(self, doing: str) -> None:
        """Show that the next step begins."""
        self._show(doing)
        self._done += 1

    def end(self) -> None:
        """Show that all is done."""
        self._shown = 0.0
        self._show("done")
        if sys.stderr.isatty():
            print(file=sys.stderr)

    def _show(self, doing: str) -> None:
        filled = _WIDTH * self._done // max(self._steps, 1)
        bar = "#" * filled + "." * (_WIDTH - filled)
        line = f"{self._name:9s} [{bar}] {self._done}/{self._steps} {doing}"
        if sys.stderr.isatty():
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._shown >= self._EVERY or not self._shown:
            self._shown = time.monotonic()
            print(line, file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown, aligned so that it can be read as it is."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    columns = [_aligned(column) for column in zip(*cells, strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in zip(*columns, strict=True))


def _aligned(column: Sequence[str]) -> list[str]:
    """Return a column's cells and its rule: what is named to the left, what is counted right."""
    head, *cells = column
    width = max(3, *map(len, column))
    if all(not cell or cell[-1].isdigit() for cell in cells):
        return [cell.rjust(width) for cell in (head, "-" * (width - 1) + ":", *cells)]
    return [cell.ljust(width) for cell in (head, ":" + "-" * (width - 1), *cells)]
