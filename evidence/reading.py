"""Proof: the response reader accepts nothing that h11 reads otherwise."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from cases import draw, run_cases
from proof import Outcome
from support.response_readers import (
    BROKEN,
    MORE,
    as_we_read,
    assert_not_laxer,
    damage,
    responses,
)

__all__ = ["prove"]

# Drawing is slow. Each drawn response is damaged in many ways.
_DRAWN = 1000
_UNDAMAGED = 0.1


def prove(cases: int, seed: int) -> Outcome:
    """Read random responses, most of them damaged, with our reader and h11."""
    drawn = draw(responses(), min(_DRAWN, cases), seed)
    faults = run_cases(partial(check, drawn), cases, seed, "responses")
    notes = [f"{cases:,} random responses, nine tenths of them damaged, seed {seed}"]
    return Outcome("All that the reader accepts, h11 reads alike", faults, notes)


def check(drawn: list[Any], seed: int, cases: int) -> list[str]:
    """Return the faults among the random responses of a seed."""
    chosen = random.Random(seed)
    faults = []
    for number in range(cases):
        data = chosen.choice(drawn)
        if chosen.random() > _UNDAMAGED:
            data = damage(data, chosen)
        cuts = [chosen.randint(0, 300) for _ in range(chosen.randint(0, 4))]
        try:
            # In pieces, the bytes after a response are not in the piece that ends it.
            assert_not_laxer(data, cuts if as_we_read(data) in (BROKEN, MORE) else ())
        except AssertionError:
            faults.append(f"h11 reads it otherwise: case {number}, {data!r} cut at {cuts}")
    return faults
