"""A service that answers for several secrets at once, with the pages that a test gives it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from core_backend import (
    SecretText,
)
from core_backend.errors import ConfigurationError, CoreBackendError
from core_backend.sources import BatchPage, SecretRequest, SecretValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core_backend.sources.batching import BatchingSource

PREFIX = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
Outcome = SecretValue | CoreBackendError


def value_of(secret_id: str) -> SecretValue:
    return SecretValue(SecretText(f"pl4nted-{secret_id}"), "v1")


def entry(name: str, *, account: str = "123456789012") -> tuple[str, str, SecretValue]:
    arn = PREFIX.replace("123456789012", account) + f"{name}-AbCdEf"
    return arn, name, value_of(f"{account}-{name}")


class Service:
    """Answers calls for several with the pages it was given, and calls for one by the id."""

    def __init__(self, *pages: BatchPage | Exception) -> None:
        self.pages = list(pages)
        self.calls: list[tuple[list[str], str | None]] = []
        self.singles: list[str] = []
        self.closed = 0
        self.warmed = 0
        self.gate: asyncio.Event | None = None
        self.gated: str | None = None
        """The token of the page that waits at the gate."""

    def check(self, request: SecretRequest) -> None:
        if request.secret_id == "wrong":
            raise ConfigurationError("wrong")

    def place(self, request: SecretRequest) -> str:
        return "us-east-1" if "us-east-1" in request.secret_id else "here"

    async def fetch(self, request: SecretRequest) -> SecretValue:
        self.singles.append(request.label)
        return value_of(f"singly-{request.label}")

    async def fetch_batch(self, requests: Sequence[SecretRequest], token: str | None) -> BatchPage:
        self.calls.append(([request.secret_id for request in requests], token))
        if self.gate is not None and token == self.gated:
            await self.gate.wait()
        if not self.pages:
            return BatchPage([entry(request.secret_id) for request in requests], [], None)
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        return page

    async def warm(self) -> None:
        self.warmed += 1

    async def aclose(self) -> None:
        self.closed += 1


async def fetch(source: BatchingSource, *ids: str | SecretRequest) -> list[Any]:
    """Return the values, and errors, of what is asked for at once."""
    requests = [each if isinstance(each, SecretRequest) else SecretRequest(each) for each in ids]
    outcomes = await asyncio.gather(*map(source.fetch, requests), return_exceptions=True)
    return [outcome.value if isinstance(outcome, SecretValue) else outcome for outcome in outcomes]
