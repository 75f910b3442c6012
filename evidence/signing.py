"""Proof: requests are signed as botocore signs them."""

from __future__ import annotations

import random

from cases import draw, run_cases
from proof import Outcome
from support.signers import TO_SIGN, assert_signed_alike

__all__ = ["prove"]

# Drawing is slow. The parts of so many drawn requests are combined anew for each case.
_DRAWN = 100


def prove(cases: int, seed: int) -> Outcome:
    """Sign random requests with our signer and botocore's, and compare every header."""
    faults = run_cases(check, cases, seed, "signatures")
    notes = [f"{cases:,} random requests, seed {seed}"]
    return Outcome("Every signed header is the one that botocore makes", faults, notes)


def check(seed: int, cases: int) -> list[str]:
    """Return the faults among the random requests of a seed."""
    chosen = random.Random(seed)
    parts = [*zip(*draw(TO_SIGN, _DRAWN, seed), strict=True)]
    faults = []
    for number in range(cases):
        try:
            assert_signed_alike(*(chosen.choice(values) for values in parts))
        except AssertionError:
            faults.append(f"a signature differs: seed {seed}, case {number}")
    return faults
