"""core_backend, set by CORE_BACKEND_* variables."""

from __future__ import annotations

import os

import core_backend

__all__ = ["burst", "fetch", "handler", "prepare", "read", "read_blocking"]

_NAME = core_backend.SecretName("bench-secret")


def prepare(ttl: int) -> None:
    """Cache values for ``ttl`` seconds."""
    core_backend.configure(ttl=ttl)


async def fetch(secrets: list[str]) -> int:
    """Fetch them all, past the cache."""
    core_backend.clear_secrets()
    return len(await core_backend.get_secrets(*secrets))


async def burst(way: str, secrets: list[str], calls: int) -> None:
    """Read cached secrets ``calls`` times."""
    get_secret, get_secrets = core_backend.get_secret, core_backend.get_secrets
    if way == "three":
        one, two, three = secrets
        for _ in range(calls):
            await get_secrets(one, two, three)
        return
    [secret] = secrets
    if way == "one":
        for _ in range(calls):
            await get_secret(secret)
        return
    os.environ["BENCH_SECRET"] = secret
    get_env = core_backend.get_env
    for _ in range(calls):
        await get_secret(get_env(_NAME))


@core_backend.async_handler
async def handler(event: list[str], context: object) -> int:
    """Handle one invocation that reads them all."""
    return len(await core_backend.get_secrets(*event))


async def read(secret: str, fresh: bool, stage: str | None) -> str:
    """Read one secret, past the cache if ``fresh``."""
    if stage is None:
        return await core_backend.get_secret(secret, fresh=fresh)
    os.environ["BENCH_SECRET"] = secret
    return await core_backend.get_secret(core_backend.get_env(_NAME.staged(stage)), fresh=fresh)


def read_blocking(secret: str, fresh: bool, _stage: str | None) -> str:
    """Read one secret where nothing can be awaited."""
    return core_backend.get_secret(secret, fresh=fresh).result()
