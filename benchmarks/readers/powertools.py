"""Powertools' parameters."""

from __future__ import annotations

from aws_lambda_powertools.utilities import parameters

__all__ = ["prepare", "read"]

_kept = {"seconds": 300}


def prepare(ttl: int) -> None:
    """Keep values that long, in seconds."""
    _kept["seconds"] = ttl


def read(secret: str, fresh: bool, stage: str | None) -> str:
    """Read it, past the cache if ``fresh``."""
    options = {"VersionStage": stage} if stage else {}
    value = parameters.get_secret(secret, max_age=_kept["seconds"], force_fetch=fresh, **options)
    return str(value)
