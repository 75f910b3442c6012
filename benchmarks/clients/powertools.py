"""Powertools' parameters."""

from __future__ import annotations

import os

from aws_lambda_powertools.utilities import parameters

__all__ = ["burst", "fetch", "handler", "prepare"]

_kept = {"seconds": 3600}


def prepare(ttl: int) -> None:
    """Keep values that long, in seconds."""
    _kept["seconds"] = ttl


async def fetch(secrets: list[str]) -> int:
    """Fetch them all, past the cache."""
    return len([parameters.get_secret(secret, force_fetch=True) for secret in secrets])


async def burst(way: str, secrets: list[str], calls: int) -> None:
    """Read what is cached, so many times."""
    get_secret, seconds = parameters.get_secret, _kept["seconds"]
    if way == "three":
        one, two, three = secrets
        for _ in range(calls):
            get_secret(one, max_age=seconds)
            get_secret(two, max_age=seconds)
            get_secret(three, max_age=seconds)
        return
    [secret] = secrets
    if way == "one":
        for _ in range(calls):
            get_secret(secret, max_age=seconds)
        return
    os.environ["BENCH_SECRET"] = secret
    for _ in range(calls):
        get_secret(os.environ["BENCH_SECRET"], max_age=seconds)


def handler(event: list[str], context: object) -> int:
    """Handle one invocation that reads them all."""
    return len([parameters.get_secret(secret, max_age=_kept["seconds"]) for secret in event])
