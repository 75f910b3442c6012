"""Cold: cold starts at full speed, by the number of secrets: time, processor time and memory."""

from __future__ import annotations

import random
from statistics import median, quantiles
from typing import TYPE_CHECKING

from cold_start import ColdStart, cold_start
from console import Progress
from outcome import Columns, Goal, Outcome, Row, format_figures
from plan import OURS
from service import secret_names

if TYPE_CHECKING:
    from plan import Plan

__all__ = ["run"]

_LATENCY = 0.02
_FLOOR = "empty"
_AT = 3
# The most that the secrets may add, as a part of what they add with each library.
_LIMITS = {"boto3": 0.14, "powertools": 0.16, "aiobotocore": 0.12}
_COLUMNS: Columns = {
    "label": ("", str),
    "secrets": ("secrets", str),
    "median": ("total, ms", lambda figure: f"{figure:.0f}"),
    "fastest": ("fastest", lambda figure: f"{figure:.0f}"),
    "added": ("added, ms", lambda figure: f"{figure:.0f}"),
    "ratio": ("ours to theirs", lambda figure: f"{figure:.2f}"),
    "processor": ("processor, ms", lambda figure: f"{figure:.0f}"),
    "added processor": ("added", lambda figure: f"{figure:.1f}"),
    "processor ratio": ("ours to theirs", lambda figure: f"{figure:.3f}"),
    "peak": ("peak memory, MB", lambda figure: f"{figure:.0f}"),
}


def run(plan: Plan) -> Outcome:
    """Measure cold starts with 0, 1, 3 and 10 secrets, each library in every round."""
    counts = (_AT,) if plan.quick else (1, _AT, 10)
    rounds = plan.count_rounds(15)
    cases = _list_cases(plan, counts)
    plan.service.set_latency(_LATENCY)
    taken: dict[tuple[str, int], list[ColdStart]] = {case[:2]: [] for case in cases}
    progress = Progress("cold", (plan.warm_up + rounds) * len(cases))
    for number in range(plan.warm_up + rounds):
        for function, count, label in random.sample(cases, len(cases)):
            progress.step(f"{label}, {count} secrets")
            is_ours = function.endswith(OURS.key)
            environ = plan.service.own_environ if is_ours else plan.service.environ
            start = cold_start(function, secret_names(count), environ)
            if number >= plan.warm_up:
                taken[function, count].append(start)
    progress.end()
    rows = [_summarize(*case, taken[case[:2]]) for case in cases]
    _add_comparisons(rows)
    tables = {"cold": format_figures(_COLUMNS, rows)}
    setting = {"rounds": rounds, "latency": _LATENCY}
    return Outcome("cold", "Process start to first response", tables, rows, _judge(rows), setting)


def _list_cases(plan: Plan, counts: tuple[int, ...]) -> list[tuple[str, int, str]]:
    """Return function, number of secrets and label of each thing to start."""
    floors = [
        (_FLOOR, 0, "empty async handler"),
        ("empty_core_backend", 0, "empty, under @async_handler"),
    ]
    fetching = [(_function(library.key), library.label) for library in plan.libraries]
    if plan.has("boto3"):
        fetching.append(("fetch_boto3_plain", "boto3, without asyncio"))
    return floors + [(function, count, label) for count in counts for function, label in fetching]


def _summarize(function: str, count: int, label: str, starts: list[ColdStart]) -> Row:
    totals = [start.total * 1e3 for start in starts]
    processor = [start.processor * 1e3 for start in starts]
    low, _, high = quantiles(totals, n=4) if len(totals) > 1 else totals * 3
    return {
        "label": label,
        "function": function,
        "secrets": count,
        "median": median(totals),
        "fastest": min(totals),
        "quartiles": [low, high],
        # Other processes on the machine only ever add to it.
        "processor": quantiles(processor, n=4)[0] if len(processor) > 1 else processor[0],
        "peak": median(start.peak for start in starts) / 1e6,
    }


def _add_comparisons(rows: list[Row]) -> None:
    """Add what the secrets add to an empty handler, and our part of theirs."""
    floor = rows[0]
    for row in rows[2:]:
        row["added"] = row["median"] - floor["median"]
        row["added processor"] = row["processor"] - floor["processor"]
    ours = {row["secrets"]: row for row in rows if row["function"] == _function(OURS.key)}
    for row in rows[2:]:
        own = ours.get(row["secrets"])
        if own is not None and row is not own:
            row["ratio"] = own["added"] / row["added"]
            row["processor ratio"] = own["added processor"] / row["added processor"]


def _judge(rows: list[Row]) -> list[Goal]:
    of = {row["function"]: row for row in rows if row["secrets"] == _AT}
    goals = [
        Goal(f"cold, 3 secrets: added, to {key}'s", of[_function(key)]["ratio"], limit)
        for key, limit in _LIMITS.items()
        if "ratio" in of.get(_function(key), {})
    ]
    ours, theirs = of.get(_function(OURS.key)), of.get(_function("boto3"))
    if ours and theirs:
        added = theirs["processor ratio"]
        goals.append(Goal("cold, 3 secrets: added processor time, to boto3's", added, 0.05))
        goals.append(Goal("peak memory, to boto3's", ours["peak"] / theirs["peak"], 0.5))
    return goals


def _function(key: str) -> str:
    return f"fetch_{key}"
