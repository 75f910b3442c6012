"""Brings the documents up to date: their tables, and their plots, from the written figures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plots
from console import table
from outcome import Goal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["update"]

_DOCS = Path(__file__).resolve().parent.parent / "docs"
_PAGE = _DOCS / "performance.md"
_RELIABILITY = _DOCS / "reliability.md"


def update(results: Path) -> None:
    """Write what is in ``results`` between the pages' marks, and draw their plots."""
    figures = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in results.glob("*.json")
    }
    peers = figures.pop("peers_faults", None)
    if peers is not None:
        told = _RELIABILITY.read_text(encoding="utf-8")
        told = _replaced(told, "peers_faults", peers["table"])
        _RELIABILITY.write_text(told, encoding="utf-8")
    if not figures:
        return
    page = _PAGE.read_text(encoding="utf-8")
    for name, found in figures.items():
        page = _replaced(page, name, found["table"])
    page = _replaced(page, "goals", _goals(figures))
    page = _replaced(page, "machine", _machine(figures))
    _PAGE.write_text(page, encoding="utf-8")
    plots.draw(figures, _DOCS / "plots")


def _replaced(page: str, mark: str, text: str) -> str:
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
    replaced, times = re.subn(pattern, lambda m: f"{m[1]}{text}\n{m[2]}", page, flags=re.DOTALL)
    assert times == 1, f"the page has no place for {mark}"
    return replaced


def _goals(figures: Mapping[str, Any]) -> str:
    goals = [goal for found in figures.values() for goal in found["goals"]]
    return Goal.table([Goal(*(goal[field] for field in Goal._fields)) for goal in goals])


def _machine(figures: Mapping[str, Any]) -> str:
    """Return a table of what it was measured on, as of the first of the benchmarks."""
    first = min(figures.values(), key=lambda found: found["when"])
    loads = sorted(found["machine"]["load_before"] or 0.0 for found in figures.values())
    rows = [
        ["when", first["when"][:10]],
        ["processor", f"{first['machine']['processor']}, {first['machine']['cores']} cores"],
        ["system", first["machine"]["system"]],
        ["Python", first["machine"]["python"]],
        ["load before each benchmark", f"{loads[0]} to {loads[-1]}"],
        *first["versions"].items(),
    ]
    return table(["", ""], rows)
