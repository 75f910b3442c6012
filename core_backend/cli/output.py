"""Output: tables, JSON, a progress bar, and many calls at once.

Colours and bars are for terminals. Elsewhere, each row is one plain line.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from datetime import datetime

__all__ = [
    "MAX_CONCURRENCY",
    "concurrently",
    "format_time",
    "print_json",
    "print_table",
    "progress",
]

MAX_CONCURRENCY = 10
"""How many calls are made at the same time."""

T = TypeVar("T")
R = TypeVar("R")

# Wide enough for any row: a program that reads a pipe wants one row on one line.
_ENDLESS = 10_000
# Fewer calls end before a bar would be of use.
_WORTH_A_BAR = 10


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, styles: Mapping[str, str]
) -> None:
    """Print a table. A cell whose text is a key of ``styles`` is shown in that style."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    console = _console(sys.stdout)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


def format_time(moment: datetime | None) -> str:
    """Return a time for a person, in UTC like AWS's console and logs."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ") if moment else "-"


def print_json(data: Any) -> None:
    """Print ``data`` for a program."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


@contextmanager
def progress(what: str, total: int) -> Generator[Callable[[], None]]:
    """Show how much of ``total`` is done. Yields a function to call after each step.

    The bar is drawn on standard error, and only if that is a terminal.
    """
    console = _console(sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def concurrently(what: str, call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Call ``call`` with each item, and return the results in the order of the items.

    The first failure is raised. Calls that have not started by then do not start.
    """
    with ExitStack() as stack:
        pool = ThreadPoolExecutor(MAX_CONCURRENCY)
        stack.callback(pool.shutdown, cancel_futures=True)
        futures = [pool.submit(call, item) for item in items]
        if len(items) >= _WORTH_A_BAR:
            advance = stack.enter_context(progress(what, len(items)))
            for future in as_completed(futures):
                future.result()
                advance()
        return [future.result() for future in futures]


def _console(stream: TextIO) -> Console:
    """Return a console that uses colours only on a terminal, and not if NO_COLOR is set."""
    terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=terminal,
        width=None if terminal else _ENDLESS,
        color_system="auto" if terminal and not os.environ.get("NO_COLOR") else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
