"""Expiry: a handler that is called steadily for many ttls, while the service takes 50 ms."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING

from console import Progress
from libraries import OURS
from outcome import Goal, Outcome, Row
from service import secret_names
from worker import Worker

if TYPE_CHECKING:
    from plan import Plan

__all__ = ["run"]

_LATENCY = 0.05
_TTL = 1
_EVERY = 0.01
_SECRETS = secret_names(3)
_COLUMNS = {
    "label": ("", str),
    "invocations": ("invocations", str),
    "waited": ("that waited", str),
    "slowest": ("slowest, ms", lambda figure: f"{figure:.1f}"),
    "median": ("median, ms", lambda figure: f"{figure:.3f}"),
}


def run(plan: Plan) -> Outcome:
    """Call each caching library's handler for many ttls, one library after the other."""
    ttls = plan.rounds_of(30, quick=3)
    plan.service.set_latency(_LATENCY)
    caching = [library for library in plan.libraries if library.caches]
    progress = Progress("expiry", len(caching))
    rows: list[Row] = []
    for library in caching:
        progress.step(f"{library.label}, {ttls * _TTL} s")
        with ExitStack() as opened:
            worker = opened.enter_context(Worker(library.client, plan.environ(library)))
            worker.do("prepare", ttl=_TTL)
            seconds = ttls * _TTL
            taken = worker.do("steadily", secrets=_SECRETS, seconds=seconds, every=_EVERY)
        # The first has nothing to find.
        rows.append(_row(library.label, taken[1:]))
    progress.end()
    goals = [
        Goal("invocations that waited for the service, after the first", row["waited"], 0)
        for row in rows
        if row["label"] == OURS.label
    ]
    setting = {"ttls": ttls, "ttl": _TTL, "latency": _LATENCY, "every": _EVERY, "secrets": 3}
    return Outcome("expiry", "Called steadily for many ttls", _COLUMNS, rows, goals, setting)


def _row(label: str, taken: list[float]) -> Row:
    return {
        "label": label,
        "invocations": len(taken),
        # Nothing else here takes that long.
        "waited": sum(seconds >= _LATENCY for seconds in taken),
        "slowest": max(taken) * 1e3,
        "median": median(taken) * 1e3,
        "all": [round(seconds * 1e3, 3) for seconds in taken],
    }
