"""Imports: what a cold start imports for its secrets, beyond what any async handler does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from console import Progress
from outcome import Goal, Outcome, Row
from service import secret_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plan import Plan

__all__ = ["run"]

_LATENCY = 0.02
_SHOWN = 12
_LAST_OF_THE_FLOOR = "asyncio"
_CODE = f"""
import awslambdaric.bootstrap
import asyncio

from core_backend import async_handler, get_secrets


@async_handler
async def handler(event, context):
    return await get_secrets(*event)


assert len(handler({secret_names(3)!r}, None)) == 3
"""
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")
_COLUMNS = {
    "label": ("module", str),
    "milliseconds": ("ms", lambda figure: f"{figure:.2f}"),
}


def run(plan: Plan) -> Outcome:
    """Import and fetch in many processes; the fastest time of each module is its own."""
    rounds = plan.rounds_of(30)
    plan.service.set_latency(_LATENCY)
    taken: dict[str, list[float]] = {}
    progress = Progress("imports", plan.warm_up + rounds)
    for number in range(plan.warm_up + rounds):
        progress.step("core_backend, 3 secrets")
        for module, milliseconds in _imports(plan.service.own_environ).items():
            if number >= plan.warm_up:
                taken.setdefault(module, []).append(milliseconds)
    progress.end()
    modules = sorted(
        ({"label": module, "milliseconds": min(figures)} for module, figures in taken.items()),
        key=lambda row: row["milliseconds"],
        reverse=True,
    )
    total = sum(row["milliseconds"] for row in modules)
    rest: Row = {
        "label": f"{len(modules[_SHOWN:])} more",
        "milliseconds": sum(row["milliseconds"] for row in modules[_SHOWN:]),
    }
    every: Row = {"label": f"all {len(modules)}", "milliseconds": total}
    most = modules[0]["milliseconds"]
    goals = [Goal("the slowest module that a fetch imports, ms", most, 1.0)]
    return Outcome(
        "imports",
        "What a fetch imports",
        _COLUMNS,
        [*modules[:_SHOWN], rest, every],
        goals,
        {"rounds": rounds, "modules": modules},
    )


def _imports(environ: Mapping[str, str]) -> dict[str, float]:
    """Return what each module takes by itself, in milliseconds, past those of any handler."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", _CODE],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    times = [(name, int(micros) / 1e3) for micros, name in _LINE.findall(told)]
    names = [name for name, _ in times]
    return dict(times[names.index(_LAST_OF_THE_FLOOR) + 1 :])
