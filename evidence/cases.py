"""Random cases by the hundred thousand, on all processors."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import hypothesis

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

__all__ = ["draw", "run_cases"]

_PORTION = 2_500
_SHOWN_FAULTS = 5


def run_cases(
    check: Callable[[int, int], list[str]], cases: int, seed: int, label: str
) -> list[str]:
    """Run ``check(seed, cases)`` in portions on all processors, and show the progress.

    Returns:
        The first faults.
    """
    portions = [min(_PORTION, cases - start) for start in range(0, cases, _PORTION)]
    faults: list[str] = []
    done = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        # The same seed gives the same cases, however many processors there are.
        seeds = range(seed, seed + len(portions))
        for size, found in zip(portions, pool.map(check, seeds, portions), strict=True):
            done += size
            faults += found
            print(f"{label}: {done:,} of {cases:,}", file=sys.stderr, flush=True)
    return faults[:_SHOWN_FAULTS]


def draw(strategy: SearchStrategy[Any], count: int, seed: int) -> list[Any]:
    """Return random values of a strategy of the tests."""
    drawn: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def keep(value: Any) -> None:
        drawn.append(value)

    keep()
    return drawn
