"""aws-secretsmanager-caching."""

from __future__ import annotations

import os

import botocore.session
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

__all__ = ["burst", "fetch", "handler", "prepare", "read"]

client = botocore.session.get_session().create_client("secretsmanager")
_state = {"cache": SecretCache(config=SecretCacheConfig(), client=client)}


def prepare(ttl: int) -> None:
    """Cache values for ``ttl`` seconds."""
    config = SecretCacheConfig(secret_refresh_interval=ttl)
    _state["cache"] = SecretCache(config=config, client=client)


async def fetch(secrets: list[str]) -> int:
    """Fetch them all, with a new cache."""
    cache = SecretCache(config=SecretCacheConfig(), client=client)
    return len([cache.get_secret_string(secret) for secret in secrets])


async def burst(way: str, secrets: list[str], calls: int) -> None:
    """Read cached secrets ``calls`` times."""
    get_secret = _state["cache"].get_secret_string
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
    cache = _state["cache"]
    return len([cache.get_secret_string(secret) for secret in event])


def read(secret: str, fresh: bool, stage: str | None) -> str:
    """Read one secret, past the cache if ``fresh``."""
    cache = _state["cache"]
    if fresh:
        cache.refresh_secret_now(secret)
    value: str = cache.get_secret_string(secret, version_stage=stage)
    return value
