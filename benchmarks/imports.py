"""Imports: what a fetch imports beyond any async handler, and what it does without."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from console import Progress
from outcome import Columns, Goal, Outcome, Row, format_figures
from service import secret_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plan import Plan

__all__ = ["run"]

_LATENCY = 0.02
_SHOWN = 12
_LAST_OF_THE_FLOOR = "asyncio"
_FETCH = f"""
import awslambdaric.bootstrap
import asyncio

from core_backend import async_handler, get_secrets


@async_handler
async def handler(event, context):
    return await get_secrets(*event)


assert len(handler({secret_names(3)!r}, None)) == 3
"""
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")
_MODULES: Columns = {
    "label": ("module", str),
    "milliseconds": ("ms", lambda figure: f"{figure:.2f}"),
}
_AVOIDED: Columns = {
    "label": ("avoided", str),
    "instead": ("in its place", str),
    "milliseconds": ("ms", lambda figure: f"{figure:.1f}"),
}
_TIMED = """
import awslambdaric.bootstrap, asyncio, time
started = time.process_time()
{code}
print(time.process_time() - started)
"""


class _Alternative(NamedTuple):
    what: str
    package: str
    """What has to be installed to measure it."""
    code: str
    instead: str


_ALTERNATIVES = (
    _Alternative(
        "all the certificates that the system trusts",
        "ssl",
        "import ssl; ssl.create_default_context()",
        "Amazon's roots, looked up by their hash in the handshake",
    ),
    _Alternative(
        "`urllib.request`, with `http.client` and `email`",
        "urllib.request",
        "import urllib.request",
        "a socket, and asyncio's `add_reader`",
    ),
    _Alternative(
        "`h11`",
        "h11",
        "import h11",
        "a strict reader of one small service's answers, compared with h11 by tests",
    ),
    _Alternative(
        "`pathlib`, `dataclasses`, `datetime`",
        "pathlib",
        "import pathlib, dataclasses, datetime",
        "`os.path`, plain classes, `time`",
    ),
    _Alternative(
        "`cachetools`, with `random`",
        "cachetools",
        "import cachetools",
        "`collections.OrderedDict`, which is written in C, and `os.urandom`",
    ),
    _Alternative(
        "`encodings.idna`, which a host name as `str` brings in",
        "encodings.idna",
        "'localhost'.encode('idna')",
        "host names as `bytes`",
    ),
    _Alternative(
        "ten `NamedTuple`s",
        "typing",
        "from typing import NamedTuple\n"
        + "\n".join(
            f"class T{number}(NamedTuple):\n    one: int\n    two: int" for number in range(10)
        ),
        "classes with `__slots__`",
    ),
)


def run(plan: Plan) -> Outcome:
    """Measure in many processes; the fastest time of each module is what it takes."""
    rounds = plan.count_rounds(20)
    alternatives = [one for one in _ALTERNATIVES if find_spec(one.package)]
    plan.service.set_latency(_LATENCY)
    imported: dict[str, list[float]] = {}
    avoided: dict[str, list[float]] = {one.what: [] for one in alternatives}
    progress = Progress("imports", (plan.warm_up + rounds) * (1 + len(alternatives)))
    for number in range(plan.warm_up + rounds):
        progress.step("core_backend, 3 secrets")
        for module, milliseconds in _measure_imports(plan.service.own_environ).items():
            if number >= plan.warm_up:
                imported.setdefault(module, []).append(milliseconds)
        for one in random.sample(alternatives, len(alternatives)):
            progress.step(one.what)
            milliseconds = _measure_code(one.code)
            if number >= plan.warm_up:
                avoided[one.what].append(milliseconds)
    progress.end()
    modules = _sort(
        [{"label": module, "milliseconds": min(times)} for module, times in imported.items()]
    )
    others = _sort(
        [
            {"label": one.what, "instead": one.instead, "milliseconds": min(avoided[one.what])}
            for one in alternatives
        ]
    )
    slowest = modules[0]["milliseconds"]
    return Outcome(
        "imports",
        "What a fetch imports, and what it does without",
        {
            "imports": format_figures(_MODULES, _shorten(modules)),
            "avoided": format_figures(_AVOIDED, others),
        },
        [*modules, *others],
        [Goal("the slowest module that a fetch imports, ms", slowest, 1.0)],
        {"rounds": rounds},
    )


def _sort(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["milliseconds"], reverse=True)


def _shorten(modules: list[Row]) -> list[Row]:
    """Return the slowest modules, and the sums of the others and of all."""
    rest = modules[_SHOWN:]
    return [
        *modules[:_SHOWN],
        {"label": f"{len(rest)} more", "milliseconds": sum(row["milliseconds"] for row in rest)},
        {
            "label": f"all {len(modules)}",
            "milliseconds": sum(row["milliseconds"] for row in modules),
        },
    ]


def _measure_imports(environ: Mapping[str, str]) -> dict[str, float]:
    """Return each module's own milliseconds, without the modules of every async handler."""
    report = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", _FETCH],
        # Not where a checkout's core_backend would be imported before the service's copy.
        cwd=Path(__file__).parent,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    times = [(name, int(micros) / 1e3) for micros, name in _LINE.findall(report)]
    names = [name for name, _ in times]
    return dict(times[names.index(_LAST_OF_THE_FLOOR) + 1 :])


def _measure_code(code: str) -> float:
    """Return the milliseconds of processor time of some code, beyond any async handler's."""
    output = subprocess.run(
        [sys.executable, "-c", _TIMED.format(code=code)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return float(output) * 1e3
