"""Redaction: what masking adds to a log record, by the number of known secrets."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from statistics import quantiles
from typing import TYPE_CHECKING

from console import Progress
from outcome import Columns, Outcome, Row, format_figures

if TYPE_CHECKING:
    from plan import Plan

__all__ = ["run"]

_SECRETS = (0, 1, 10, 100)
_KINDS = {
    "plain": ("nothing to mask, 90 characters", "order %s of %s was accepted after %d ms"),
    "found": ("one value to mask", "order %s of %s was refused: Bearer %s"),
    "long": ("nothing to mask, 10,000 characters", "order %s of %s: %s"),
}
# Each case runs in a process of its own, because a filter that was removed leaves a warm cache
# behind. Values are as long as a password, and half of them stand in JSON with a user and a host.
# The log handler formats as Lambda's does, and writes nowhere.
_CODE = """
import io, json, logging, secrets, sys, time
from core_backend import configure, get_secrets
from core_backend.testing import fake_secrets

count, kind, template, bursts, calls = json.loads(sys.argv[1])
handler = logging.StreamHandler(io.StringIO())
handler.setFormatter(logging.Formatter("[%(levelname)s]\\t%(asctime)s\\t%(message)s"))
logging.root.addHandler(handler)
log = logging.getLogger("shop.orders")
log.setLevel(logging.INFO)
made = {}
for number in range(count):
    password = secrets.token_urlsafe(24)
    document = {"username": "orders", "host": f"db-{number}.example.com", "password": password}
    made[f"secret-{number}"] = password if number % 2 == 0 else json.dumps(document)
order, customer = "7c0d7ee6-5a52-4f2e-8a0e-1c6f0f2b3a11", "customer-0000001234"
last = {"plain": 27, "found": made.get("secret-0", "nothing of it"), "long": "x y " * 2500}[kind]
with fake_secrets(made):
    with configure(redact_logs=bool(count)):
        if made:
            get_secrets(*made).result()
        for _ in range(bursts):
            started = time.perf_counter()
            for _ in range(calls):
                log.info(template, order, customer, last)
            print((time.perf_counter() - started) / calls * 1e6)
            handler.stream.seek(0)
"""
_COLUMNS: Columns = {
    "label": ("record", str),
    "secrets": ("secrets", lambda count: str(count) if count else "off"),
    "microseconds": ("µs", lambda figure: f"{figure:.1f}"),
    "ratio": ("to off", lambda figure: f"{figure:.2f}"),
}


def run(plan: Plan) -> Outcome:
    """Log in short bursts. The fastest quarter of them shows what the code takes."""
    rounds = plan.count_rounds(5)
    bursts, calls = (5, 100) if plan.quick else (50, 200)
    cases = [(count, kind) for kind in _KINDS for count in _SECRETS]
    taken: dict[tuple[int, str], list[float]] = {case: [] for case in cases}
    progress = Progress("redaction", rounds * len(cases))
    for _ in range(rounds):
        for count, kind in random.sample(cases, len(cases)):
            progress.step(f"{count} secrets, {_KINDS[kind][0]}")
            taken[count, kind] += _log([count, kind, _KINDS[kind][1], bursts, calls])
    progress.end()
    # Inclusive, since the few figures of a quick run would otherwise give one below all of them.
    middles = {
        case: quantiles(figures, n=8, method="inclusive")[0] for case, figures in taken.items()
    }
    rows: list[Row] = [
        {
            "label": _KINDS[kind][0],
            "secrets": count,
            "microseconds": middles[count, kind],
            "ratio": middles[count, kind] / middles[0, kind] if count else None,
        }
        for count, kind in cases
    ]
    tables = {"redaction": format_figures(_COLUMNS, rows)}
    return Outcome("redaction", "Masked logs", tables, rows, [], {"rounds": rounds})


def _log(case: list[object]) -> list[float]:
    """Return the microseconds that a record took in each burst of one process."""
    output = subprocess.run(
        [sys.executable, "-c", _CODE, json.dumps(case)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [float(line) for line in output.split()]
