"""Proof: requests are signed as botocore signs them."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from cases import draw, run_cases
from proof import Outcome
from support.signers import TO_SIGN, assert_signed_alike

__all__ = ["prove"]

# Drawing is slow. The parts of so many drawn requests are combined anew for each case.
_DRAWN = 1000


def prove(cases: int, seed: int) -> Outcome:
    """Sign random requests with our signer and botocore's, and compare every header."""
    drawn = draw(TO_SIGN, min(_DRAWN, cases), seed)
    faults = run_cases(partial(check, drawn), cases, seed, "signatures")
    notes = [f"{cases:,} random requests, seed {seed}"]
    return Outcome("Every signed header is the one that botocore makes", faults, notes)


def check(drawn: list[Any], seed: int, cases: int) -> list[str]:
    """Return the faults among the random requests of a seed."""
    chosen = random.Random(seed)
    parts = [*zip(*drawn, strict=True)]
    faults = []
    for number in range(cases):
        to_sign = [chosen.choice(values) for values in parts]
        try:
            assert_signed_alike(*to_sign)
        except AssertionError:
            faults.append(f"a signature differs: case {number}, {to_sign!r}")
    return faults
