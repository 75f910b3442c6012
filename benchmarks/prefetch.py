"""Prefetch: a module that takes 200 ms to import, and what its first invocation still waits for."""

from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING

from cold_start import ColdStart, cold_start
from console import Progress
from outcome import Goal, Outcome, Row
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
_COLUMNS = {
    "label": ("", str),
    "kind": ("the import", str),
    "invocation": ("first invocation, ms", lambda figure: f"{figure:.1f}"),
    "over": ("over empty", lambda figure: f"{figure:.1f}"),
    "total": ("start to response, ms", lambda figure: f"{figure:.0f}"),
}


def run(plan: Plan) -> Outcome:
    """Measure the first invocation after a slow import: without, after and before its fetches."""
    rounds = plan.rounds_of(20)
    cases = [(function, kind) for kind in _KINDS for function in _FUNCTIONS]
    plan.service.set_latency(_LATENCY)
    taken: dict[tuple[str, str], list[ColdStart]] = {case: [] for case in cases}
    progress = Progress("prefetch", (plan.warm_up + rounds) * len(cases))
    for number in range(plan.warm_up + rounds):
        for function, kind in random.sample(cases, len(cases)):
            progress.step(f"{_FUNCTIONS[function]}, {_KINDS[kind]}")
            environ = plan.service.own_environ | {
                "SLOW_IMPORT": kind,
                "PREFETCHED": ",".join(_SECRETS),
            }
            start = cold_start(function, _SECRETS, environ)
            if number >= plan.warm_up:
                taken[function, kind].append(start)
    progress.end()
    rows = [_row(function, kind, taken[function, kind]) for function, kind in cases]
    for row in rows:
        floor = next(r for r in rows if r["case"] == ["slow_empty", row["case"][1]])
        row["over"] = row["invocation"] - floor["invocation"]
    goals = [
        Goal(f"prefetch, {row['kind']}: ms over an empty first invocation", row["over"], 3.0)
        for row in rows
        if row["case"][0] == "slow_prefetch"
    ]
    setting = {"rounds": rounds, "latency": _LATENCY, "secrets": len(_SECRETS)}
    return Outcome(
        "prefetch", "A slow import, and the first invocation", _COLUMNS, rows, goals, setting
    )


def _row(function: str, kind: str, starts: list[ColdStart]) -> Row:
    return {
        "label": _FUNCTIONS[function],
        "kind": _KINDS[kind],
        "case": [function, kind],
        "invocation": median(start.invocation for start in starts) * 1e3,
        "total": median(start.total for start in starts) * 1e3,
        "all": [start.invocation * 1e3 for start in starts],
    }
