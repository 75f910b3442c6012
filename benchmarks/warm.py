"""Warm: how many nanoseconds it takes to read a cached secret."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING

from client_process import ClientProcess
from console import Progress
from outcome import Columns, Goal, Outcome, Row, format_figures
from plan import OURS
from service import secret_names

if TYPE_CHECKING:
    from plan import Plan

__all__ = ["run"]

_TTL = 3600
# How the secret is named, and how many are read. Most bursts are too short to be interrupted: the
# fastest quarter shows what the code takes, the others what the machine does besides.
_CASES = {
    "one": ("one, by its name", 1),
    "three": ("three, by their names", 3),
    "from_environment": ("one, named by a variable", 1),
}
_CALLS = 200
_COLUMNS: Columns = {
    "label": ("", str),
    "case": ("read", str),
    "nanoseconds": ("ns", lambda figure: f"{figure:,.0f}"),
    "median": ("median, ns", lambda figure: f"{figure:,.0f}"),
    "ratio": ("ours to theirs", lambda figure: f"{figure:.2f}"),
}


def run(plan: Plan) -> Outcome:
    """Measure hits, in bursts, each library in every round."""
    rounds = plan.count_rounds(30)
    bursts = 5 if plan.quick else 25
    plan.service.set_latency(0.0)
    taken: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as opened:
        processes = {
            library.label: opened.enter_context(ClientProcess(library.key, plan.environ(library)))
            for library in plan.caching
        }
        for process in processes.values():
            process.do("prepare", ttl=_TTL)
        progress = Progress("warm", rounds * len(_CASES) * len(processes))
        for _ in range(rounds):
            for case, (description, count) in _CASES.items():
                for label, process in processes.items():
                    progress.step(f"{label}, {description}")
                    figures = process.do(
                        "hits", way=case, secrets=secret_names(count), bursts=bursts, calls=_CALLS
                    )
                    taken.setdefault((label, case), []).extend(figures)
        progress.end()
    rows = [_summarize(label, case, figures) for (label, case), figures in taken.items()]
    rows.sort(key=lambda row: list(_CASES).index(row["key"]))
    _add_ratios(rows)
    setting = {"rounds": rounds, "bursts": bursts, "calls": _CALLS}
    tables = {"warm": format_figures(_COLUMNS, rows)}
    return Outcome("warm", "A secret that is cached", tables, rows, _judge(rows), setting)


def _summarize(label: str, case: str, figures: list[float]) -> Row:
    figures = sorted(figures)
    return {
        "label": label,
        "key": case,
        "case": _CASES[case][0],
        # The middle of the fastest quarter.
        "nanoseconds": figures[len(figures) // 8],
        "median": median(figures),
        "fastest": figures[0],
    }


def _add_ratios(rows: list[Row]) -> None:
    ours = {row["key"]: row["nanoseconds"] for row in rows if row["label"] == OURS.label}
    for row in rows:
        own = ours.get(row["key"])
        theirs = row["label"] != OURS.label
        row["ratio"] = own / row["nanoseconds"] if own and theirs else None


def _judge(rows: list[Row]) -> list[Goal]:
    limits = {"Powertools parameters": 1 / 4, "aws-secretsmanager-caching": 1 / 30}
    return [
        Goal(f"a hit, {row['case']}, to {row['label']}'s", row["ratio"], limits[row["label"]])
        for row in rows
        if row["ratio"] is not None and row["key"] != "from_environment"
    ]
