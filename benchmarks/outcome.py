"""A benchmark's outcome: its figures, the machine they come from, and what they have to reach."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from console import format_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Columns", "Goal", "Outcome", "Row", "format_figures"]

Row = dict[str, Any]
Columns = dict[str, tuple[str, "Callable[[Any], str]"]]
"""By the key in a row: the column's head, and the function that writes its figures."""

_PACKAGES = (
    "core_backend",
    "aiobotocore",
    "aws-lambda-powertools",
    "aws-secretsmanager-caching",
    "awslambdaric",
    "boto3",
    "botocore",
)
_ROWS = "<rows>"


class Goal(NamedTuple):
    """A figure and its limit."""

    what: str
    figure: float
    limit: float
    at_least: bool = False
    """Whether the limit is a minimum. It is a maximum by default."""

    @property
    def reached(self) -> bool:
        """Whether the figure is within the limit."""
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit

    @staticmethod
    def format(goals: Sequence[Goal]) -> str:
        """Return the goals, and whether each is reached, as Markdown."""
        return format_table(
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
    tables: Mapping[str, str]
    """Markdown tables, by the mark of their place in the documents."""
    rows: Sequence[Row]
    goals: Sequence[Goal]
    setting: dict[str, Any]
    """The rounds, the latency and so on."""

    def write(self, folder: Path) -> None:
        """Write the figures to ``folder``, from where the documents take them."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "benchmark": self.name,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": _describe_machine(),
            "versions": _find_versions(),
            "setting": self.setting,
            "tables": {mark: text.splitlines() for mark, text in self.tables.items()},
            "goals": [{**goal._asdict(), "reached": goal.reached} for goal in self.goals],
            "rows": _ROWS,
        }
        text = json.dumps(_round(content), indent=1, ensure_ascii=False)
        # One line for each row.
        rows = ",\n  ".join(json.dumps(_round(row), ensure_ascii=False) for row in self.rows)
        text = text.replace(json.dumps(_ROWS), f"[\n  {rows}\n ]")
        (folder / f"{self.name}.json").write_text(f"{text}\n", encoding="utf-8")


def format_figures(columns: Columns, rows: Sequence[Row]) -> str:
    """Return rows of figures as Markdown. A figure that a row does not have stays empty."""
    heads = [head for head, _ in columns.values()]
    cells = [
        [write(row[key]) if row.get(key) is not None else "" for key, (_, write) in columns.items()]
        for row in rows
    ]
    return format_table(heads, cells)


def _round(content: Any) -> Any:
    """Return figures with as many digits as they deserve."""
    match content:
        case float():
            return float(f"{content:.5g}")
        case dict():
            return {key: _round(value) for key, value in content.items()}
        case list() | tuple():
            return [_round(value) for value in content]
        case _:
            return content


def _describe_machine() -> dict[str, object]:
    """Return what the figures depend on."""
    return {
        "processor": _read_field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory": _read_field("/proc/meminfo", "MemTotal"),
        "system": platform.platform(terse=True),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        # A load above the number of cores means that others worked as well.
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def _find_versions() -> dict[str, str]:
    """Return the versions of the installed libraries."""
    found: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _read_field(path: str, name: str) -> str | None:
    """Return the first value of a field in one of Linux's tables."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    values = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(values, None)
