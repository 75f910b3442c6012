"""Avoided: what the cold path does without, and what it would cost there."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from console import Progress
from outcome import Outcome

if TYPE_CHECKING:
    from plan import Plan

__all__ = ["run"]


class _Avoided(NamedTuple):
    what: str
    package: str
    """What has to be installed to measure it."""
    code: str
    instead: str


_AVOIDED = (
    _Avoided(
        "all the certificates that the system trusts",
        "ssl",
        "import ssl; ssl.create_default_context()",
        "Amazon's roots, looked up by their hash in the handshake",
    ),
    _Avoided(
        "`urllib.request`, with `http.client` and `email`",
        "urllib.request",
        "import urllib.request",
        "a socket, and asyncio's `add_reader`",
    ),
    _Avoided(
        "`h11`",
        "h11",
        "import h11",
        "a strict reader of one small service's answers, held against h11 by tests",
    ),
    _Avoided(
        "`pathlib`, `dataclasses`, `datetime`",
        "pathlib",
        "import pathlib, dataclasses, datetime",
        "`os.path`, plain classes, `time`",
    ),
    _Avoided(
        "`cachetools`, with `random`",
        "cachetools",
        "import cachetools",
        "`collections.OrderedDict`, which is written in C, and `os.urandom`",
    ),
    _Avoided(
        "`encodings.idna`, which a host name as `str` brings in",
        "encodings.idna",
        "'localhost'.encode('idna')",
        "host names as `bytes`",
    ),
    _Avoided(
        "ten `NamedTuple`s",
        "typing",
        "from typing import NamedTuple\n"
        + "\n".join(
            f"class T{number}(NamedTuple):\n    one: int\n    two: int" for number in range(10)
        ),
        "classes with `__slots__`",
    ),
)
# Beyond what any async handler has imported.
_CODE = """
import awslambdaric.bootstrap, asyncio, time
started = time.process_time()
{code}
print(time.process_time() - started)
"""
_COLUMNS = {
    "label": ("avoided", str),
    "instead": ("in its place", str),
    "milliseconds": ("ms", lambda figure: f"{figure:.1f}"),
}


def run(plan: Plan) -> Outcome:
    """Measure each in processes of its own; the fastest is what it takes."""
    rounds = plan.rounds_of(20)
    avoided = [one for one in _AVOIDED if find_spec(one.package)]
    taken: dict[str, list[float]] = {one.what: [] for one in avoided}
    progress = Progress("avoided", (plan.warm_up + rounds) * len(avoided))
    for number in range(plan.warm_up + rounds):
        for one in random.sample(avoided, len(avoided)):
            progress.step(one.what)
            seconds = _seconds(one.code)
            if number >= plan.warm_up:
                taken[one.what].append(seconds)
    progress.end()
    rows = [
        {"label": one.what, "instead": one.instead, "milliseconds": min(taken[one.what]) * 1e3}
        for one in avoided
    ]
    rows.sort(key=lambda row: row["milliseconds"], reverse=True)
    return Outcome("avoided", "What a fetch does without", _COLUMNS, rows, [], {"rounds": rounds})


def _seconds(code: str) -> float:
    """Return the processor's time that some code takes in a process which has imported little."""
    told = subprocess.run(
        [sys.executable, "-c", _CODE.format(code=code)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(told.stdout)
