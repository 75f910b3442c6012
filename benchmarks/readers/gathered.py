"""aiobotocore, with one client kept for all that is read. It caches nothing."""

from __future__ import annotations

import contextlib
from typing import Any

from aiobotocore.session import get_session

__all__ = ["prepare", "read"]

_kept = contextlib.AsyncExitStack()
_clients: list[Any] = []


def prepare(ttl: int) -> None:
    """Have nothing to set."""


async def read(secret: str, fresh: bool, stage: str | None) -> str:
    """Read it; each time from the service."""
    if not _clients:
        opened = get_session().create_client("secretsmanager")
        _clients.append(await _kept.enter_async_context(opened))
    options = {"VersionStage": stage} if stage else {}
    answer = await _clients[0].get_secret_value(SecretId=secret, **options)
    value: str = answer["SecretString"]
    return value
