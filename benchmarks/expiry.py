"""Expiry: a handler that is called steadily for many ttls, while the service takes 50 ms."""

from __future__ import annotations

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

_LATENCY = 0.05
_TTL = 1
_EVERY = 0.01
_SECRETS = secret_names(3)
# The upper ends of the histogram's classes, in ms.
_CLASSES = (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 60_000)
# The plot shows the slowest invocation of each so many seconds.
_SLOT = 0.1
_COLUMNS: Columns = {
    "label": ("", str),
    "invocations": ("invocations", str),
    "waited": ("that waited", str),
    "slowest": ("slowest, ms", lambda figure: f"{figure:.1f}"),
    "median": ("median, ms", lambda figure: f"{figure:.3f}"),
}


def run(plan: Plan) -> Outcome:
    """Call each caching library's handler for many ttls, one library after the other."""
    ttls = plan.count_rounds(20, quick=3)
    plan.service.set_latency(_LATENCY)
    progress = Progress("expiry", len(plan.caching))
    rows: list[Row] = []
    for library in plan.caching:
        seconds = ttls * _TTL
        progress.step(f"{library.label}, {seconds} s")
        with ClientProcess(library.key, plan.environ(library)) as process:
            process.do("prepare", ttl=_TTL)
            invocations = process.do("steadily", secrets=_SECRETS, seconds=seconds, every=_EVERY)
        # Without the first one, for which nothing can be cached.
        rows.append(_summarize(library.label, invocations[1:]))
    progress.end()
    goals = [
        Goal("invocations that waited for the service, after the first", row["waited"], 0)
        for row in rows
        if row["label"] == OURS.label
    ]
    setting = {"ttls": ttls, "ttl": _TTL, "latency": _LATENCY, "every": _EVERY, "secrets": 3}
    tables = {"expiry": format_figures(_COLUMNS, rows)}
    return Outcome("expiry", "Called steadily for many ttls", tables, rows, goals, setting)


def _summarize(label: str, invocations: list[tuple[float, float]]) -> Row:
    durations = [duration * 1e3 for _, duration in invocations]
    slots: dict[int, float] = {}
    for begun, duration in invocations:
        for slot in range(int(begun / _SLOT), int((begun + duration) / _SLOT) + 1):
            slots[slot] = max(slots.get(slot, 0.0), duration * 1e3)
    return {
        "label": label,
        "invocations": len(durations),
        # Nothing else here takes as long as the service.
        "waited": sum(duration >= _LATENCY * 1e3 for duration in durations),
        "slowest": max(durations),
        "median": median(durations),
        "histogram": {
            f"up to {high} ms": sum(low < duration <= high for duration in durations)
            for low, high in zip((0, *_CLASSES), _CLASSES, strict=False)
        },
        "slot": _SLOT,
        "slowest of each slot": [slots.get(slot, 0.0) for slot in range(max(slots) + 1)],
    }
