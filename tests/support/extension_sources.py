"""A source that asks a server in the place of the extension or the agent."""

from __future__ import annotations

import asyncio
from typing import Any

from core_backend._configuration import Settings
from core_backend.sources import SecretRequest, SecretValue
from core_backend.sources.extension import ExtensionSource
from core_backend.testing.clock import FakeClock

TOKEN = "pl4nted-session-token"
PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"


def source_at(port: int, *, token_file: str = "/nonexistent/token", **more: Any) -> ExtensionSource:
    environ = {"AWS_SESSION_TOKEN": TOKEN, PORT: str(port), **more.pop("environ", {})}
    return ExtensionSource(Settings(**more), environ, FakeClock(), token_file)


async def fetch(source: ExtensionSource, *requests: SecretRequest | str) -> list[Any]:
    asked = [each if isinstance(each, SecretRequest) else SecretRequest(each) for each in requests]
    try:
        outcomes = await asyncio.gather(*map(source.fetch, asked), return_exceptions=True)
    finally:
        await source.aclose()
    return [each.value if isinstance(each, SecretValue) else each for each in outcomes]
