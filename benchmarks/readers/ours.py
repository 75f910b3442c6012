"""core_backend."""

from __future__ import annotations

import os

import core_backend

__all__ = ["prepare", "read"]

_NAME = core_backend.SecretName("bench-secret")


def prepare(ttl: int) -> None:
    """Keep values that long, in seconds."""
    core_backend.configure(ttl=ttl)


async def read(secret: str, fresh: bool, stage: str | None) -> str:
    """Read it, past the cache if ``fresh``."""
    if stage is None:
        return await core_backend.get_secret(secret, fresh=fresh)
    os.environ["BENCH_SECRET"] = secret
    return await core_backend.get_secret(core_backend.get_env(_NAME.staged(stage)), fresh=fresh)
