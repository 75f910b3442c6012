"""Powertools' parameters."""

from __future__ import annotations

import os

from aws_lambda_powertools.utilities import parameters

__all__ = ["burst", "fetch", "handler", "prepare", "read"]

_state = {"ttl": 3600}


def prepare(ttl: int) -> None:
    """Cache values for ``ttl`` seconds."""
    _state["ttl"] = ttl


async def fetch(secrets: list[str]) -> int:
    """Fetch them all, past the cache."""
    return len([parameters.get_secret(secret, force_fetch=True) for secret in secrets])


async def burst(way: str, secrets: list[str], calls: int) -> None:
    """Read cached secrets ``calls`` times."""
    get_secret, ttl = parameters.get_secret, _state["ttl"]
    if way == "three":
        one, two, three = secrets
        for _ in range(calls):
            get_secret(one, max_age=ttl)
            get_secret(two, max_age=ttl)
            get_secret(three, max_age=ttl)
        return
    [secret] = secrets
    if way == "one":
        for _ in range(calls):
            get_secret(secret, max_age=ttl)
        return
    os.environ["BENCH_SECRET"] = secret
    for _ in range(calls):
        get_secret(os.environ["BENCH_SECRET"], max_age=ttl)


def handler(event: list[str], context: object) -> int:
    """Handle one invocation that reads them all."""
    return len([parameters.get_secret(secret, max_age=_state["ttl"]) for secret in event])


def read(secret: str, fresh: bool, stage: str | None) -> str:
    """Read one secret, past the cache if ``fresh``."""
    options = {"VersionStage": stage} if stage else {}
    value = parameters.get_secret(secret, max_age=_state["ttl"], force_fetch=fresh, **options)
    return str(value)
