"""Faults: every library through the same hardships, against the service that the tests use."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console import Progress
from libraries import OURS
from outcome import Goal, Outcome, Row
from reading import Reader, Stuck

if TYPE_CHECKING:
    from libraries import Library
    from plan import Plan

__all__ = ["run"]


def run(plan: Plan) -> Outcome:
    """Put each library through each hardship, in a process of its own."""
    # The tests' service, here and not in a process of its own: a hardship looks into it.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    hardships = [
        hardship
        for hardship in importlib.import_module("hardships").HARDSHIPS
        if hardship.quick or not plan.quick
    ]
    progress = Progress("peers_faults", len(hardships) * len(plan.libraries))
    rows: list[Row] = []
    for hardship in hardships:
        row: Row = {key: getattr(hardship, key) for key in ("number", "what", "wanted")}
        for library in plan.libraries:
            progress.step(f"{hardship.what}: {library.label}")
            row[library.key] = _put_through(library, hardship)
        rows.append(row)
    progress.end()
    columns = {"number": ("row", str), "what": ("what happens", str), "wanted": ("wanted", str)}
    for library in plan.libraries:
        # How it reads several is up to the hardship here.
        columns[library.key] = (library.label.partition(",")[0], _cell)
    goals = [
        Goal("hardships that core_backend comes through", passed, len(rows), at_least=True)
        for library in plan.libraries
        if library is OURS
        for passed in [sum(not row[library.key] for row in rows)]
    ]
    setting = {"patience": [hardship.patience for hardship in hardships]}
    return Outcome("peers_faults", "Through the same faults", columns, rows, goals, setting)


def _put_through(library: Library, hardship: Any) -> str:
    """Return what went wrong, or nothing."""
    service_of = importlib.import_module("support.secret_service").SecretService
    with (
        service_of({"db": "the value"}) as service,
        Reader(library.client, service.environ, hardship.patience) as reader,
    ):
        try:
            return str(hardship.run(reader, service))
        except Stuck:
            return f"no answer within {hardship.patience:.0f} s"


def _cell(fault: str) -> str:
    return f"no: {fault}" if fault else "yes"
