"""SDK sources, and a value for them to fetch."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from core_backend._clock import SystemClock
from core_backend._configuration import Settings
from core_backend.sources.sdk import SdkSource

if TYPE_CHECKING:
    from core_backend.sources import SecretRequest, SecretValue

PLANTED = "pl4nted-by-the-sdk"


async def fetch(*requests: SecretRequest, settings: Settings | None = None) -> list[SecretValue]:
    source = source_of(settings)
    try:
        return await asyncio.gather(*(source.fetch(request) for request in requests))
    finally:
        await source.aclose()


def source_of(settings: Settings | None = None) -> SdkSource:
    return SdkSource(settings or Settings(), os.environ, SystemClock())
