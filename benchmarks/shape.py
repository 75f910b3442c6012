"""Shape: cold starts as Lambda runs them, by memory: init at full speed, the invocation at its share."""

from __future__ import annotations

import random
import sys
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from cold_start import ColdStart, cold_start
from console import Progress
from outcome import Goal, Outcome, Row
from processor_share import NotAllowedError, ProcessorShare, fraction
from service import secret_names

if TYPE_CHECKING:
    from plan import Plan

__all__ = ["run"]

_LATENCY = 0.005
_SECRETS = secret_names(3)
_BEST = "boto3, one authority"
_MEMORY = (128, 256, 512, 1024, 1769)


class _Case(NamedTuple):
    label: str
    function: str
    library: str
    """Its key in libraries.py; empty for the floor."""
    variables: dict[str, str] = {}
    fetches: bool = True
    small_bundle: bool = False


_CASES = (
    _Case("empty async handler", "empty", "", fetches=False),
    _Case("core_backend", "fetch_core_backend", "core_backend"),
    _Case("core_backend, prefetched", "prefetch_core_backend", "core_backend"),
    _Case("boto3", "fetch_boto3_sync", "boto3"),
    _Case("boto3, in an async handler", "fetch_boto3", "boto3"),
    _Case(_BEST, "fetch_boto3_sync", "boto3", small_bundle=True),
    _Case(
        "core_backend, never fetches", "empty_core_backend", "core_backend", fetches=False
    ),
)
_COLUMNS = {
    "label": ("", str),
    "memory": ("MB", str),
    "init": ("init, ms", lambda figure: f"{figure:.0f}"),
    "invocation": ("first invocation, ms", lambda figure: f"{figure:.1f}"),
    "total": ("both, ms", lambda figure: f"{figure:.0f}"),
    "init_processor": ("processor: init, ms", lambda figure: f"{figure:.1f}"),
    "invocation_processor": ("first, ms", lambda figure: f"{figure:.1f}"),
    "invocation_ratio": ("first, to boto3's", lambda figure: f"{figure:.3f}"),
    "total_ratio": ("both, to boto3's", lambda figure: f"{figure:.3f}"),
}
_FIGURES = ("init", "invocation", "total", "init_processor", "invocation_processor", "processor")


def run(plan: Plan) -> Outcome:
    """Measure cold starts with three secrets by memory, each library in every round."""
    rounds = plan.rounds_of(12, quick=6)
    sizes = (128,) if plan.quick else _MEMORY
    cases = [case for case in _CASES if not case.library or plan.has(case.library)]
    plan.service.set_latency(_LATENCY)
    progress = Progress("shape", (plan.warm_up + rounds) * len(cases) * len(sizes))
    rows: list[Row] = []
    shares = {}
    try:
        for memory in sizes:
            with ProcessorShare(memory) as share:
                shares[memory] = share.measure()
                rows += _measure(plan, rounds, cases, memory, share, progress)
    except NotAllowedError as error:
        print(f"shape is not measured: {error}", file=sys.stderr)
    progress.end()
    for memory, share in shares.items():
        print(f"{memory} MB: a busy loop got {share:.4f} of a processor; wanted {fraction(memory):.4f}", file=sys.stderr)
    return Outcome("shape", "In Lambda's shape", _COLUMNS, rows, _goals(rows), {"rounds": rounds, "latency": _LATENCY, "shares": shares})


def _measure(plan: Plan, rounds: int, cases: list[_Case], memory: int, share: ProcessorShare, progress: Progress) -> list[Row]:
    taken: dict[str, list[ColdStart]] = {case.label: [] for case in cases}
    for number in range(plan.warm_up + rounds):
        for case in random.sample(cases, len(cases)):
            progress.step(f"{memory} MB, {case.label}")
            start = _start(plan, case, memory, share)
            if number >= plan.warm_up:
                taken[case.label].append(start)
    reference = taken.get(_BEST, [])
    return [_row(label, memory, starts, reference) for label, starts in taken.items()]


def _start(plan: Plan, case: _Case, memory: int, share: ProcessorShare) -> ColdStart:
    service = plan.service
    environ = service.own_environ if case.library in ("", "core_backend") else service.environ
    if case.small_bundle:
        environ = service.small_environ
    variables = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory), "PREFETCHED": ",".join(_SECRETS)}
    secrets = _SECRETS if case.fetches else []
    return cold_start(case.function, secrets, environ | variables | case.variables, share=share)


def _row(label: str, memory: int, starts: list[ColdStart], reference: list[ColdStart]) -> Row:
    row: Row = {"label": label, "memory": memory}
    for figure in _FIGURES:
        row[figure] = median(getattr(start, figure) for start in starts) * 1e3
        if reference and starts is not reference:
            row[f"{figure}_ratio"] = median(
                getattr(ours, figure) / getattr(theirs, figure)
                for ours, theirs in zip(starts, reference, strict=True)
            )
    return row


def _goals(rows: list[Row]) -> list[Goal]:
    of = {row["label"]: row for row in rows if row["memory"] == _MEMORY[0]}
    if not {"core_backend", _BEST} <= set(of):
        return []
    empty, ours, fast, boto3 = (of[case] for case in ("empty async handler", "core_backend", "core_backend, prefetched", _BEST))
    added = [row["processor"] - empty["processor"] for row in (ours, boto3)]
    return [
        Goal("128 MB, first invocation, to boto3's", ours["invocation_ratio"], 0.4),
        Goal("128 MB, first invocation, prefetched: ms over empty", fast["invocation"] - empty["invocation"], 10),
        Goal("128 MB, init and first together, prefetched, to boto3's", fast["total_ratio"], 0.35),
        Goal("128 MB, processor time that 3 secrets add, to boto3's", added[0] / added[1], 0.05),
    ]
