"""What a benchmark comes to: rows of figures, and how they compare with what must be reached."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from console import table
from machine import machine, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Goal", "Outcome", "Row"]

Row = dict[str, Any]


class Goal(NamedTuple):
    """One figure that must be reached."""

    what: str
    figure: float
    limit: float
    at_least: bool = False
    """Whether the limit is the least; else it is the most."""

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit

    @staticmethod
    def table(goals: Sequence[Goal]) -> str:
        """Return what must be reached, and whether it was."""
        return table(
            ["must reach", "figure", "limit", "reached"],
            [
                [
                    goal.what,
                    f"{goal.figure:.3g}",
                    f"{'at least' if goal.at_least else 'at most'} {goal.limit:.3g}",
                    "yes" if goal.reached else "**no**",
                ]
                for goal in goals
            ],
        )


class Outcome(NamedTuple):
    """One benchmark's figures."""

    name: str
    title: str
    columns: dict[str, tuple[str, Callable[[Any], str]]]
    """By the key in a row: the column's head, and how its figures are written."""
    rows: list[Row]
    goals: list[Goal]
    setting: dict[str, Any]
    """What was asked for: rounds, latency and so on."""

    def table(self) -> str:
        """Return the figures, one row for each thing measured."""
        heads = [head for head, _ in self.columns.values()]
        return table(heads, [self._cells(row) for row in self.rows])

    def write(self, folder: Path) -> None:
        """Write the figures to ``folder``, for the documents and for whoever compares runs."""
        folder.mkdir(parents=True, exist_ok=True)
        written = {
            "benchmark": self.name,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "versions": versions(),
            "setting": self.setting,
            "table": self.table(),
            "rows": self.rows,
            "goals": [{**goal._asdict(), "reached": goal.reached} for goal in self.goals],
        }
        text = json.dumps(written, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{self.name}.json").write_text(text, encoding="utf-8")

    def _cells(self, row: Row) -> Sequence[str]:
        return [
            write(row[key]) if row.get(key) is not None else ""
            for key, (_, write) in self.columns.items()
        ]
