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
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from cold_start import ColdStart, cold_start
from console import Progress, table
from outcome import Goal, Outcome, Row
from plan import SDK_V4
from processor_share import NotAllowedError, ProcessorShare, fraction
from service import secret_names

if TYPE_CHECKING:
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


_EMPTY = "empty async handler"
_OURS = "core_backend"
_PREFETCHED = "core_backend, prefetched"
_BOTO3 = "boto3"
_QUICKEST_BOTO3 = "boto3, one authority"
_NEVER = "core_backend, never fetches"
_CASES = (
    _Case(_EMPTY, "empty", fetches=False),
    _Case(_NEVER, "empty_core_backend", "core_backend", fetches=False, environ="own_environ"),
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
    """Measure cold starts with three secrets at each memory size, each library in every round."""
    rounds = plan.count_rounds(12, quick=6)
    sizes = plan.memory or (_MEMORY[:1] if plan.quick else _MEMORY)
    python = _sdk_v4_python() if plan.measures_sdk_v4 else None
    keys = {"", *(library.key for library in plan.libraries), *([SDK_V4] if python else [])}
    cases = [case for case in _CASES if case.library in keys]
    plan.service.set_latency(_LATENCY)
    progress = Progress("shape", (plan.warm_up + rounds) * len(cases) * len(sizes))
    rows: list[Row] = []
    shares: dict[str, float] = {}
    for memory in sizes:
        try:
            share = ProcessorShare(memory)
        except NotAllowedError as error:
            print(f"shape is skipped, because no cgroup can be made: {error}", file=sys.stderr)
            break
        with share:
            shares[str(memory)] = share.measure()
            rows += _Size(plan, memory, share, python).measure(cases, rounds, progress)
    progress.end()
    setting = {"rounds": rounds, "latency": _LATENCY, "shares": shares, "price": plan.price}
    tables = _tables(rows, shares, plan.price) if rows else {}
    return Outcome("shape", "Cold starts, by memory", tables, rows, _goals(rows), setting)


class _Size(NamedTuple):
    """One memory size."""

    plan: Plan
    memory: int
    share: ProcessorShare
    sdk_v4_python: str | None

    def measure(self, cases: list[_Case], rounds: int, progress: Progress) -> list[Row]:
        taken: dict[str, list[ColdStart]] = {case.label: [] for case in cases}
        for number in range(self.plan.warm_up + rounds):
            for case in random.sample(cases, len(cases)):
                progress.step(f"{self.memory} MB, {case.label}")
                start = self._start(case)
                if number >= self.plan.warm_up:
                    taken[case.label].append(start)
        return [self._row(label, taken) for label in taken]

    def _start(self, case: _Case) -> ColdStart:
        variables = {
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            "PREFETCHED": ",".join(_SECRETS),
            **getattr(self.plan.service, case.environ),
        }
        # aiohttp looks for its authorities there.
        variables["SSL_CERT_FILE"] = self.plan.service.environ["AWS_CA_BUNDLE"]
        python = self.sdk_v4_python if case.library == SDK_V4 else None
        return cold_start(
            case.function,
            _SECRETS if case.fetches else [],
            variables,
            share=self.share,
            python=python or sys.executable,
        )

    def _row(self, label: str, taken: dict[str, list[ColdStart]]) -> Row:
        """Return the medians, and the medians of each round's ratio to boto3's."""
        starts = taken[label]
        row: Row = {"label": label, "memory": self.memory}
        for figure in _FIGURES:
            row[figure] = median(getattr(start, figure) for start in starts) * 1e3
        row["peak"] = median(start.peak for start in starts) / 1e6
        for boto3 in (_BOTO3, _QUICKEST_BOTO3):
            if label not in {_OURS, _PREFETCHED} or boto3 not in taken:
                continue
            for figure in ("invocation", "total"):
                row[f"{figure} to {boto3}'s"] = median(
                    getattr(ours, figure) / getattr(theirs, figure)
                    for ours, theirs in zip(starts, taken[boto3], strict=True)
                )
        return row


def _sdk_v4_python() -> str | None:
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


def _tables(rows: list[Row], shares: dict[str, float], price: float) -> dict[str, str]:
    def money(row: Row) -> str:
        # Lambda bills whole milliseconds, and a GB of 1,024 MB.
        milliseconds = math.ceil(row["total"])
        return f"{milliseconds} ms, ${milliseconds * row['memory'] / 1024 * 1e3 * price:.2f}"

    verified = [
        ["a busy loop got", *(f"{share:.1%}" for share in shares.values())],
        ["Lambda gives", *(f"{fraction(int(memory)):.1%}" for memory in shares)],
    ]
    return {
        "shape": _by_memory(rows, lambda row: f"{row['init']:.0f} + {row['invocation']:.0f}"),
        "shape_processor": _by_memory(
            rows,
            lambda row: f"{row['init_processor']:.0f} + {row['invocation_processor']:.1f}",
        ),
        "money": _by_memory(rows, money),
        "shares": table(["", *(f"{memory} MB" for memory in shares)], verified),
    }


def _by_memory(rows: list[Row], cell: Any) -> str:
    """Return a table with a line for each library and a column for each memory size."""
    sizes = list(dict.fromkeys(row["memory"] for row in rows))
    labels = list(dict.fromkeys(row["label"] for row in rows))
    cells = {(row["label"], row["memory"]): cell(row) for row in rows}
    return table(
        ["", *(f"{size} MB" for size in sizes)],
        [[label, *(cells[label, size] for size in sizes)] for label in labels],
    )


def _goals(rows: list[Row]) -> list[Goal]:
    of = {row["label"]: row for row in rows if row["memory"] == _MEMORY[0]}
    if not {_OURS, _QUICKEST_BOTO3} <= set(of):
        return []
    empty, ours = of[_EMPTY], of[_OURS]
    prefetched, never = of[_PREFETCHED], of[_NEVER]
    return [
        Goal(
            "128 MB, first invocation, to boto3's",
            ours[f"invocation to {_QUICKEST_BOTO3}'s"],
            0.4,
        ),
        Goal(
            "128 MB, first invocation, prefetched: ms over an empty one",
            prefetched["invocation"] - empty["invocation"],
            10,
        ),
        Goal(
            "128 MB, init and first invocation, prefetched, to boto3's",
            prefetched[f"total to {_QUICKEST_BOTO3}'s"],
            0.35,
        ),
        Goal(
            "a function that never fetches: ms of init over an empty one",
            never["init"] - empty["init"],
            12,
        ),
    ]
