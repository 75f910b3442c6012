"""aiobotocore, all at once, with one client kept. It caches nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiobotocore.session import get_session

__all__ = ["close", "fetch"]

_kept = contextlib.AsyncExitStack()
_clients: list[Any] = []


async def close() -> None:
    """Close the client."""
    await _kept.aclose()


async def fetch(secrets: list[str]) -> int:
    """Fetch them all."""
    if not _clients:
        opened = get_session().create_client("secretsmanager")
        _clients.append(await _kept.enter_async_context(opened))
    [client] = _clients
    answers = await asyncio.gather(
        *(client.get_secret_value(SecretId=secret) for secret in secrets)
    )
    return len([answer["SecretString"] for answer in answers])
