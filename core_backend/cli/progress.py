"""A progress bar, on a terminal alone."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from core_backend.cli.output import console_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["progress"]


@contextmanager
def progress(what: str, total: int) -> Generator[Callable[[], None]]:
    """Show how much of ``total`` is done; yields what to call after each.

    It is drawn on standard error, and only where that is a terminal.
    """
    console = console_of(sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
