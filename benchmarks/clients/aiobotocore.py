"""aiobotocore with one client, all secrets at the same time. It has no cache."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiobotocore.session import get_session

__all__ = ["fetch", "prepare", "read"]

_opened = contextlib.AsyncExitStack()
_clients: list[Any] = []


def prepare(ttl: int) -> None:
    """Do nothing: there is no cache to set up."""


async def fetch(secrets: list[str]) -> int:
    """Fetch them all."""
    client = await _client()
    answers = await asyncio.gather(
        *(client.get_secret_value(SecretId=secret) for secret in secrets)
    )
    return len([answer["SecretString"] for answer in answers])


async def read(secret: str, fresh: bool, stage: str | None) -> str:
    """Fetch one secret."""
    client = await _client()
    options = {"VersionStage": stage} if stage else {}
    answer = await client.get_secret_value(SecretId=secret, **options)
    value: str = answer["SecretString"]
    return value


async def _client() -> Any:
    if not _clients:
        opening = get_session().create_client("secretsmanager")
        _clients.append(await _opened.enter_async_context(opening))
    return _clients[0]
