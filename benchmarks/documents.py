"""Updates the tables and the plots of the documents from the written figures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plots
from console import format_table
from outcome import Goal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["update"]

_DOCS = Path(__file__).resolve().parent.parent / "docs"
_PAGES = (_DOCS / "performance.md", _DOCS / "reliability.md")
_PLACE = r"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"


def update(results: Path) -> None:
    """Put the tables in ``results`` between the pages' marks, and draw the plots.

    Args:
        results: The folder that the benchmarks have written to. It may lack some of them.
    """
    found = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in results.glob("*.json")
    }
    tables = {
        mark: "\n".join(lines)
        for figures in found.values()
        for mark, lines in figures["tables"].items()
    }
    measured = {name: figures for name, figures in found.items() if name != "peers_faults"}
    if measured:
        tables |= {"goals": _format_goals(measured), "machine": _format_machine(measured)}
    pages = {page: page.read_text(encoding="utf-8") for page in _PAGES}
    for mark, text in tables.items():
        [page] = [page for page, content in pages.items() if f"<!-- {mark} -->" in content]
        pages[page] = _replace(pages[page], mark, text)
    for page, content in pages.items():
        page.write_text(content, encoding="utf-8")
    plots.draw(found, _DOCS / "plots")


def _replace(content: str, mark: str, text: str) -> str:
    pattern = _PLACE.format(mark=mark)
    replaced, times = re.subn(
        pattern, lambda place: f"{place[1]}{text}\n{place[2]}", content, flags=re.DOTALL
    )
    assert times == 1, f"there are {times} places for {mark}"
    return replaced


def _format_goals(found: Mapping[str, Any]) -> str:
    goals = [goal for figures in found.values() for goal in figures["goals"]]
    return Goal.format([Goal(*(goal[field] for field in Goal._fields)) for goal in goals])


def _format_machine(found: Mapping[str, Any]) -> str:
    """Return a table about the machine, as the first benchmark saw it."""
    first = min(found.values(), key=lambda figures: figures["when"])
    machine = first["machine"]
    loads = sorted(figures["machine"]["load"] or 0.0 for figures in found.values())
    rows = [
        ["when", first["when"][:10]],
        ["processor", f"{machine['processor']}, {machine['cores']} cores"],
        ["system", machine["system"]],
        ["Python", machine["python"]],
        ["load after each benchmark", f"{loads[0]} to {loads[-1]}"],
        *first["versions"].items(),
    ]
    return format_table(["", ""], rows)
