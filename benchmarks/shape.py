"""Shape: cold starts as Lambda runs them, by the function's memory.

Lambda runs init at full speed, whatever the memory, and an invocation at ``memory / 1769`` of a
processor. Here a cgroup does the same: it is opened for init, and closed at the runtime's first
request for an event. The service and the Runtime API are outside of it.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from cold_start import ColdStart, cold_start
from console import Progress, format_table
from outcome import Goal, Outcome, Row
from plan import SDK_V4
from processor_share import NotAllowedError, ProcessorShare, fraction
from service import secret_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plan import Plan

__all__ = ["run"]

_LATENCY = 0.005
_SECRETS = secret_names(3)
_MEMORY = (128, 256, 512, 1024, 1769)
_SDK_V4_PACKAGE = "aws-sdk-secrets-manager"
_FIGURES = ("init", "invocation", "total", "init_processor", "invocation_processor", "processor")


class _Case(NamedTuple):
    """A function, and its setting."""

    label: str
    function: str
    library: str = ""
    """The library's key; empty for the floor, which has none."""
    fetches: bool = True
    environ: str = "environ"
    """Which of the service's sets of variables it gets."""
    warm_up: bool = True
    """core_backend's setting."""


_EMPTY = "empty async handler"
_OURS = "core_backend"
_PREFETCHED = "core_backend, prefetched"
_BOTO3 = "boto3"
_QUICKEST_BOTO3 = "boto3, one authority"
_NEVER = "core_backend, never fetches"
_NEVER_WARM = "core_backend, never fetches, warm_up=off"
_CASES = (
    _Case(_EMPTY, "empty", fetches=False),
    _Case(_NEVER, "empty_core_backend", "core_backend", fetches=False, environ="own_environ"),
    _Case(
        _NEVER_WARM,
        "empty_core_backend",
        "core_backend",
        fetches=False,
        environ="own_environ",
        warm_up=False,
    ),
    _Case(_PREFETCHED, "prefetch_core_backend", "core_backend", environ="own_environ"),
    _Case(_OURS, "fetch_core_backend", "core_backend", environ="own_environ"),
    _Case(_BOTO3, "fetch_boto3_plain", "boto3"),
    _Case(_QUICKEST_BOTO3, "fetch_boto3_plain", "boto3", environ="small_environ"),
    _Case("aiobotocore", "fetch_aiobotocore", "aiobotocore"),
    _Case("aws-secretsmanager-caching", "fetch_caching", "caching"),
    _Case("Powertools, client at import", "fetch_powertools_provider", "powertools"),
    _Case("Powertools, get_secret", "fetch_powertools", "powertools"),
    _Case("AWS SDK for Python v4", "fetch_sdk_v4", SDK_V4),
)


def run(plan: Plan) -> Outcome:
    """Measure cold starts with three secrets, each library at each memory size in every round."""
    rounds = plan.count_rounds(10, quick=6)
    sizes = plan.memory or (_MEMORY[:1] if plan.quick else _MEMORY)
    python = _install_sdk_v4() if plan.measures_sdk_v4 else None
    keys = {"", *(library.key for library in plan.libraries), *([SDK_V4] if python else [])}
    cases = [(case, memory) for case in _CASES if case.library in keys for memory in sizes]
    taken: dict[tuple[str, int], list[ColdStart]] = {
        (case.label, memory): [] for case, memory in cases
    }
    plan.service.set_latency(_LATENCY)
    rows: list[Row] = []
    measured: dict[int, float] = {}
    progress = Progress("shape", (plan.warm_up + rounds) * len(cases))
    try:
        with ExitStack() as opened:
            shares = {memory: opened.enter_context(ProcessorShare(memory)) for memory in sizes}
            measured = {memory: share.measure() for memory, share in shares.items()}
            for number in range(plan.warm_up + rounds):
                for case, memory in random.sample(cases, len(cases)):
                    progress.step(f"{memory} MB, {case.label}")
                    start = _start(plan, case, memory, shares[memory], python)
                    if number >= plan.warm_up:
                        taken[case.label, memory].append(start)
            rows = [_summarize(label, memory, taken) for label, memory in taken]
    except NotAllowedError as error:
        print(f"shape is skipped, because no cgroup can be made: {error}", file=sys.stderr)
    progress.end()
    tables = _format_tables(rows, measured, plan.price) if rows else {}
    setting = {"rounds": rounds, "latency": _LATENCY, "shares": measured, "price": plan.price}
    return Outcome("shape", "Cold starts, by memory", tables, rows, _judge(rows), setting)


def _start(
    plan: Plan, case: _Case, memory: int, share: ProcessorShare, sdk_v4_python: str | None
) -> ColdStart:
    variables = {
        **getattr(plan.service, case.environ),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "CORE_BACKEND_WARM_UP": "on" if case.warm_up else "off",
        "PREFETCHED": ",".join(_SECRETS),
        # Where aiohttp, which the SDK v4 uses, looks for its authorities.
        "SSL_CERT_FILE": plan.service.environ["AWS_CA_BUNDLE"],
    }
    return cold_start(
        case.function,
        _SECRETS if case.fetches else [],
        variables,
        share=share,
        python=sdk_v4_python if case.library == SDK_V4 else None,
    )


def _summarize(label: str, memory: int, taken: Mapping[tuple[str, int], list[ColdStart]]) -> Row:
    """Return the medians of all rounds. For core_backend, also compare it in each round."""
    starts = taken[label, memory]
    row: Row = {"label": label, "memory": memory}
    for figure in _FIGURES:
        row[figure] = median(getattr(start, figure) for start in starts) * 1e3
    if label.startswith(_OURS):
        for figure in ("init", "invocation", "total"):
            for other in (_EMPTY, _NEVER_WARM, _BOTO3, _QUICKEST_BOTO3):
                pairs = [
                    (getattr(our, figure), getattr(their, figure))
                    for our, their in zip(starts, taken.get((other, memory), []), strict=False)
                ]
                if pairs:
                    row[f"{figure} over {other}"] = 1e3 * median(a - b for a, b in pairs)
                    row[f"{figure} to {other}"] = median(a / b for a, b in pairs)
    return row


def _install_sdk_v4() -> str | None:
    """Return the interpreter of an environment with the AWS SDK v4, made where there is none."""
    folder = Path(sys.prefix) / "sdk-v4"
    python = folder / "bin" / "python"
    reason = ""
    if sys.version_info < (3, 12):
        reason = "it takes Python 3.12"
    elif sys.prefix == sys.base_prefix:
        reason = "it takes a virtual environment, to put another into"
    elif not (folder / "made").exists():
        print(f"making an environment with {_SDK_V4_PACKAGE}", file=sys.stderr)
        venv = [sys.executable, "-m", "venv", "--clear", str(folder)]
        pip = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--quiet",
            _SDK_V4_PACKAGE,
            "awslambdaric",
        ]
        try:
            subprocess.run(venv, check=True)
            subprocess.run(pip, check=True)
            (folder / "made").touch()
        except (OSError, subprocess.CalledProcessError) as error:
            reason = str(error)
    if reason:
        print(f"{_SDK_V4_PACKAGE} is not measured: {reason}", file=sys.stderr)
        return None
    return str(python)


def _format_tables(rows: list[Row], shares: Mapping[int, float], price: float) -> dict[str, str]:
    def money(row: Row) -> str:
        # Lambda bills whole milliseconds, and a GB of 1,024 MB.
        milliseconds = math.ceil(row["total"])
        return f"{milliseconds} ms, ${milliseconds * row['memory'] / 1024 * 1e3 * price:.2f}"

    verified = [
        ["a busy loop got", *(f"{share:.1%}" for share in shares.values())],
        ["Lambda gives", *(f"{fraction(memory):.1%}" for memory in shares)],
    ]
    return {
        "shape": _format_by_memory(
            rows, lambda row: f"{row['init']:.0f} + {row['invocation']:.0f}"
        ),
        "shape_processor": _format_by_memory(
            rows,
            lambda row: f"{row['init_processor']:.0f} + {row['invocation_processor']:.1f}",
        ),
        "money": _format_by_memory(rows, money),
        "shares": format_table(["", *(f"{memory} MB" for memory in shares)], verified),
    }


def _format_by_memory(rows: list[Row], cell: Callable[[Row], str]) -> str:
    """Return a table with a line for each library and a column for each memory size."""
    sizes = list(dict.fromkeys(row["memory"] for row in rows))
    labels = list(dict.fromkeys(row["label"] for row in rows))
    cells = {(row["label"], row["memory"]): cell(row) for row in rows}
    return format_table(
        ["", *(f"{size} MB" for size in sizes)],
        [[label, *(cells[label, size] for size in sizes)] for label in labels],
    )


def _judge(rows: list[Row]) -> list[Goal]:
    of = {row["label"]: row for row in rows if row["memory"] == _MEMORY[0]}
    if not {_OURS, _QUICKEST_BOTO3} <= set(of):
        return []
    figures = [
        ("first invocation, to boto3's", of[_OURS][f"invocation to {_QUICKEST_BOTO3}"], 0.4),
        (
            "first invocation, prefetched: ms over an empty one",
            of[_PREFETCHED][f"invocation over {_EMPTY}"],
            10,
        ),
        (
            "init and first invocation, prefetched, to boto3's",
            of[_PREFETCHED][f"total to {_QUICKEST_BOTO3}"],
            0.35,
        ),
        ("no fetch: ms of init for the warm-up", of[_NEVER][f"init over {_NEVER_WARM}"], 12),
    ]
    return [Goal(f"{_MEMORY[0]} MB, {what}", figure, limit) for what, figure, limit in figures]
