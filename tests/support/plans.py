"""What the tests of an import share."""

from __future__ import annotations

import re

__all__ = ["IDS", "plan_of"]

IDS = {"STRIPE_API_KEY": "dev/stripe-api-key", "SIGNING_KEY": "dev/signing-key", "DB": "dev/db"}


def plan_of(result):
    """Return the plan's rows, without its real names."""
    header, *rows = result.out.partition("\n\n")[0].splitlines()
    assert header.split() == ["NAME", "SECRET", "STATE", "PLAN"]
    cells = [re.split(r"\s{2,}", row) for row in rows]
    return [(name, *rest) for name, _, *rest in cells]
