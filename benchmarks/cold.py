"""Cold: from the start of the process to the first response, under Lambda's own runtime client."""

from __future__ import annotations

import random
from statistics import median, quantiles
from typing import TYPE_CHECKING

from cold_start import ColdStart, cold_start
from console import Progress
from libraries import OURS
from outcome import Goal, Outcome, Row
from service import secret_names

if TYPE_CHECKING:
    from plan import Plan

__all__ = ["run"]

_LATENCY = 0.02
_FLOOR = "empty"
# The most that the secrets may add, as a part of what they add with each.
_LIMITS = {"boto3": 0.14, "powertools": 0.16, "aiobotocore": 0.12}
_AT = 3
_COLUMNS = {
    "label": ("", str),
    "secrets": ("secrets", str),
    "median": ("total, ms", lambda figure: f"{figure:.0f}"),
    "fastest": ("fastest", lambda figure: f"{figure:.0f}"),
    "added": ("added, ms", lambda figure: f"{figure:.0f}"),
    "ratio": ("ours to theirs", lambda figure: f"{figure:.2f}"),
    "processor": ("processor, ms", lambda figure: f"{figure:.0f}"),
    "peak": ("peak memory, MB", lambda figure: f"{figure:.0f}"),
}


def run(plan: Plan) -> Outcome:
    """Measure cold starts with 0, 1, 3 and 10 secrets, each library in every round."""
    counts = (_AT,) if plan.quick else (1, _AT, 10)
    rounds = plan.rounds_of(20)
    cases = _cases(plan, counts)
    plan.service.set_latency(_LATENCY)
    taken: dict[tuple[str, int], list[ColdStart]] = {case[:2]: [] for case in cases}
    progress = Progress("cold", (plan.warm_up + rounds) * len(cases))
    for number in range(plan.warm_up + rounds):
        for function, count, label in random.sample(cases, len(cases)):
            progress.step(f"{label}, {count} secrets")
            start = cold_start(function, secret_names(count), plan.service.own_environ if 'core_backend' in function else plan.service.environ)
            if number >= plan.warm_up:
                taken[function, count].append(start)
    progress.end()
    rows = [
        _row(label, function, count, taken[function, count]) for function, count, label in cases
    ]
    _compare(rows)
    return Outcome(
        "cold",
        "Process start to first response",
        _COLUMNS,
        rows,
        _goals(rows),
        {"rounds": rounds, "latency": _LATENCY},
    )


def _cases(plan: Plan, counts: tuple[int, ...]) -> list[tuple[str, int, str]]:
    """Return function, number of secrets and label of each thing to start."""
    floors = [
        (_FLOOR, 0, "empty async handler"),
        ("empty_core_backend", 0, "empty, under @async_handler"),
    ]
    fetching = [(f"fetch_{library.key}", library.label) for library in plan.libraries]
    if plan.has("boto3"):
        fetching.append(("fetch_boto3_sync", "boto3, without asyncio"))
    return floors + [(function, count, label) for count in counts for function, label in fetching]


def _row(label: str, function: str, count: int, starts: list[ColdStart]) -> Row:
    totals = [start.total * 1e3 for start in starts]
    peaks = [start.peak for start in starts if start.peak is not None]
    processor = [start.processor * 1e3 for start in starts if start.processor is not None]
    low, _, high = quantiles(totals, n=4) if len(totals) > 1 else totals * 3
    return {
        "label": label,
        "function": function,
        "secrets": count,
        "median": median(totals),
        "fastest": min(totals),
        "quartiles": [low, high],
        "processor": median(processor) if processor else None,
        "peak": median(peaks) / 1e6 if peaks else None,
        "all": totals,
    }


def _compare(rows: list[Row]) -> None:
    """Add what the secrets add to an empty handler, and what part of theirs is ours."""
    floor = rows[0]["median"]
    for row in rows:
        row["added"] = row["median"] - floor if row["secrets"] else None
    ours = {row["secrets"]: row["added"] for row in rows if row["function"] == _function(OURS.key)}
    for row in rows:
        own = ours.get(row["secrets"])
        other = own is not None and row["function"] != _function(OURS.key)
        row["ratio"] = own / row["added"] if other else None


def _goals(rows: list[Row]) -> list[Goal]:
    of = {(row["function"], row["secrets"]): row for row in rows}
    goals = [
        Goal(f"cold, 3 secrets: added, to {key}'s", of[_function(key), _AT]["ratio"], limit)
        for key, limit in _LIMITS.items()
        if (_function(key), _AT) in of and of[_function(key), _AT]["ratio"] is not None
    ]
    ours, theirs = of.get((_function(OURS.key), _AT)), of.get((_function("boto3"), _AT))
    if ours and theirs and ours["peak"] and theirs["peak"]:
        goals.append(Goal("peak memory, to boto3's", ours["peak"] / theirs["peak"], 0.5))
    return goals


def _function(key: str) -> str:
    return f"fetch_{key}"
