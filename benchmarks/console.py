"""Output on the console: progress and tables."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Progress", "format_table"]

_WIDTH = 24


class Progress:
    """A bar on a terminal; elsewhere a line every few seconds."""

    _EVERY = 10.0

    def __init__(self, name: str, steps: int) -> None:
        self._name = name
        self._steps = steps
        self._done = 0
        self._shown = time.monotonic()

    def step(self, label: str) -> None:
        """Show which step begins."""
        self._show(label)
        self._done += 1

    def end(self) -> None:
        """Show that all is done."""
        self._shown = 0.0
        self._show("done")
        if sys.stderr.isatty():
            print(file=sys.stderr)

    def _show(self, label: str) -> None:
        filled = _WIDTH * self._done // max(self._steps, 1)
        bar = "#" * filled + "." * (_WIDTH - filled)
        line = f"{self._name:9s} [{bar}] {self._done}/{self._steps} {label}"
        if sys.stderr.isatty():
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._shown >= self._EVERY or not self._shown:
            self._shown = time.monotonic()
            print(line, file=sys.stderr, flush=True)


def format_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table, aligned so that it can be read as plain text."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    columns = [_align(column) for column in zip(*cells, strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in zip(*columns, strict=True))


def _align(column: Sequence[str]) -> list[str]:
    """Return a column's cells and its rule: text to the left, numbers to the right."""
    head, *cells = column
    width = max(3, *map(len, column))
    if all(not cell or cell[-1].isdigit() for cell in cells):
        return [cell.rjust(width) for cell in (head, "-" * (width - 1) + ":", *cells)]
    return [cell.ljust(width) for cell in (head, ":" + "-" * (width - 1), *cells)]
