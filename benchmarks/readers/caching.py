"""aws-secretsmanager-caching."""

from __future__ import annotations

import botocore.session
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

__all__ = ["prepare", "read"]

_client = botocore.session.get_session().create_client("secretsmanager")
_kept = {"cache": SecretCache(config=SecretCacheConfig(), client=_client)}


def prepare(ttl: int) -> None:
    """Keep values that long, in seconds."""
    config = SecretCacheConfig(secret_refresh_interval=ttl)
    _kept["cache"] = SecretCache(config=config, client=_client)


def read(secret: str, fresh: bool, stage: str | None) -> str:
    """Read it, past the cache if ``fresh``."""
    cache = _kept["cache"]
    if fresh:
        cache.refresh_secret_now(secret)
    value: str = cache.get_secret_string(secret, version_stage=stage)
    return value
