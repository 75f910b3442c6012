"""Prefetch: a module that takes 200 ms to import, and how long its first invocation still waits."""

from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING

from cold_start import ColdStart, cold_start
from console import Progress
from outcome import Columns, Goal, Outcome, Row, format_figures
from service import secret_names

if TYPE_CHECKING:
    from plan import Plan

__all__ = ["run"]

_LATENCY = 0.02
_SECRETS = secret_names(3)
_KINDS = {"sleep": "waits 200 ms", "work": "computes 200 ms"}
_FUNCTIONS = {
    "slow_empty": "empty handler",
    "slow_fetch": "fetch in the handler",
    "slow_prefetch": "prefetch",
}
_COLUMNS: Columns = {
    "label": ("", str),
    "kind": ("the import", str),
    "init": ("init, ms", lambda figure: f"{figure:.0f}"),
    "invocation": ("first invocation, ms", lambda figure: f"{figure:.1f}"),
    "over": ("over empty", lambda figure: f"{figure:.1f}"),
    "total": ("both, ms", lambda figure: f"{figure:.0f}"),
}


def run(plan: Plan) -> Outcome:
    """Measure the first invocation after a slow import: without, after and before its fetches."""
    rounds = plan.count_rounds(12)
    cases = [(function, kind) for kind in _KINDS for function in _FUNCTIONS]
    plan.service.set_latency(_LATENCY)
    taken: dict[tuple[str, str], list[ColdStart]] = {case: [] for case in cases}
    progress = Progress("prefetch", (plan.warm_up + rounds) * len(cases))
    for number in range(plan.warm_up + rounds):
        for function, kind in random.sample(cases, len(cases)):
            progress.step(f"{_FUNCTIONS[function]}, {_KINDS[kind]}")
            variables = {"SLOW_IMPORT": kind, "PREFETCHED": ",".join(_SECRETS)}
            start = cold_start(function, _SECRETS, plan.service.own_environ | variables)
            if number >= plan.warm_up:
                taken[function, kind].append(start)
    progress.end()
    rows = [_summarize(function, kind, taken[function, kind]) for function, kind in cases]
    for row in rows:
        floor = next(other for other in rows if other["kind"] == row["kind"])
        row["over"] = row["invocation"] - floor["invocation"]
    goals = [
        Goal(f"prefetch, {row['kind']}: ms over an empty first invocation", row["over"], 3.0)
        for row in rows
        if row["function"] == "slow_prefetch"
    ]
    setting = {"rounds": rounds, "latency": _LATENCY, "secrets": len(_SECRETS)}
    tables = {"prefetch": format_figures(_COLUMNS, rows)}
    title = "A slow import, and the first invocation"
    return Outcome("prefetch", title, tables, rows, goals, setting)


def _summarize(function: str, kind: str, starts: list[ColdStart]) -> Row:
    return {
        "label": _FUNCTIONS[function],
        "function": function,
        "kind": _KINDS[kind],
        "init": median(start.init for start in starts) * 1e3,
        "invocation": median(start.invocation for start in starts) * 1e3,
        "total": median(start.total for start in starts) * 1e3,
    }
