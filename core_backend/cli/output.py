"""What goes to standard output: lines, tables, JSON; plain wherever nobody looks at a terminal."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["console_of", "print_json", "print_table"]

# Wide enough for any row: what reads a pipe wants a row on a line.
_ENDLESS = 10_000


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, styles: Mapping[str, str]
) -> None:
    """Print a table. A cell whose text is in ``styles`` is shown in that style."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    console = console_of(sys.stdout)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


def print_json(data: Any) -> None:
    """Print ``data`` for a program."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


def console_of(stream: TextIO) -> Console:
    """Return a console that colours only what a person sees, and who did not decline it."""
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
