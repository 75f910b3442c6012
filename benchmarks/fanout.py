"""Fan-out: many secrets at once in a warm process, measured in latencies of the service."""

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

_LATENCY = 0.02
_AT = 50
_WIDE = "core_backend, 50 connections"
_COLUMNS: Columns = {
    "label": ("", str),
    "secrets": ("secrets", str),
    "milliseconds": ("ms", lambda figure: f"{figure:.0f}"),
    "latencies": ("service latencies", lambda figure: f"{figure:.1f}"),
}


def run(plan: Plan) -> Outcome:
    """Measure how long it takes to fetch 1, 10, 50 and 200 secrets past the cache."""
    counts = (1, _AT) if plan.quick else (1, 10, _AT, 200)
    rounds = plan.count_rounds(3)
    latency = _LATENCY / 4 if plan.quick else _LATENCY
    plan.service.set_latency(latency)
    taken: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as opened:
        processes = {
            library.label: opened.enter_context(ClientProcess(library.key, plan.environ(library)))
            for library in plan.libraries
        }
        if plan.has(OURS.key):
            wide = plan.service.own_environ | {"CORE_BACKEND_MAX_CONNECTIONS": "50"}
            processes[_WIDE] = opened.enter_context(ClientProcess(OURS.key, wide))
        progress = Progress("fanout", (rounds + 1) * len(counts) * len(processes))
        for number in range(rounds + 1):
            for count in counts:
                for label, process in processes.items():
                    progress.step(f"{label}, {count} secrets")
                    seconds = process.do("fetch", secrets=secret_names(count))
                    # The first round warms up: connections, code, the service.
                    if number:
                        taken.setdefault((label, count), []).append(seconds)
        progress.end()
    rows = [_summarize(label, count, seconds, latency) for (label, count), seconds in taken.items()]
    rows.sort(key=lambda row: row["secrets"])
    setting = {"rounds": rounds, "latency": latency}
    tables = {"fanout": format_figures(_COLUMNS, rows)}
    return Outcome("fanout", "Many secrets at once", tables, rows, _judge(rows), setting)


def _summarize(label: str, count: int, seconds: list[float], latency: float) -> Row:
    return {
        "label": label,
        "secrets": count,
        "milliseconds": median(seconds) * 1e3,
        "latencies": median(seconds) / latency,
    }


def _judge(rows: list[Row]) -> list[Goal]:
    of = {row["label"]: row["latencies"] for row in rows if row["secrets"] == _AT}
    goals: list[Goal] = []
    for label, most, times in ((OURS.label, 6.5, 8), (_WIDE, 3, 15)):
        if label not in of:
            continue
        goals.append(Goal(f"50 secrets, {label}: service latencies", of[label], most))
        if theirs := of.get("Powertools parameters"):
            what = f"50 secrets, {label}: times as fast as Powertools"
            goals.append(Goal(what, theirs / of[label], times, at_least=True))
    return goals
