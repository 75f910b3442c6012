"""aws-secretsmanager-caching."""

from __future__ import annotations

import os

import botocore.session
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

__all__ = ["burst", "fetch", "handler", "prepare"]

client = botocore.session.get_session().create_client("secretsmanager")
_kept = {"cache": SecretCache(config=SecretCacheConfig(), client=client)}


def prepare(ttl: int) -> None:
    """Keep values that long, in seconds."""
    config = SecretCacheConfig(secret_refresh_interval=ttl)
    _kept["cache"] = SecretCache(config=config, client=client)


async def fetch(secrets: list[str]) -> int:
    """Fetch them all, past the cache."""
    cache = SecretCache(config=SecretCacheConfig(), client=client)
    return len([cache.get_secret_string(secret) for secret in secrets])


async def burst(way: str, secrets: list[str], calls: int) -> None:
    """Read what is cached, so many times."""
    get_secret = _kept["cache"].get_secret_string
    if way == "three":
        one, two, three = secrets
        for _ in range(calls):
            get_secret(one)
            get_secret(two)
            get_secret(three)
        return
    [secret] = secrets
    if way == "one":
        for _ in range(calls):
            get_secret(secret)
        return
    os.environ["BENCH_SECRET"] = secret
    for _ in range(calls):
        get_secret(os.environ["BENCH_SECRET"])


def handler(event: list[str], context: object) -> int:
    """Handle one invocation that reads them all."""
    cache = _kept["cache"]
    return len([cache.get_secret_string(secret) for secret in event])
