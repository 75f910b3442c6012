"""Servers in the place of the extension and the agent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.extension_server import ExtensionServer
from support.extension_sources import PORT, TOKEN

from core_backend._configuration import Settings
from core_backend._engine import process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[False, True], ids=["extension", "agent"])
def server(request: pytest.FixtureRequest) -> Iterator[ExtensionServer]:
    with ExtensionServer(TOKEN, agent=request.param) as running:
        running.vault.put("text", "pl4nted-text")
        running.vault.put("bytes", b"\x00pl4nted")
        yield running


@pytest.fixture
def extension() -> Iterator[ExtensionServer]:
    with ExtensionServer(TOKEN) as running:
        running.vault.put("text", "pl4nted-text")
        yield running


@pytest.fixture
def agent() -> Iterator[ExtensionServer]:
    with ExtensionServer(TOKEN, agent=True) as running:
        running.vault.put("text", "pl4nted-text")
        yield running


# --- as it is used


@pytest.fixture
def asked_for(
    server: ExtensionServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ExtensionServer]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setenv(PORT, str(server.port))
    # No Region, no key: those are the extension's business.
    with process.replaced(settings=Settings(source="extension", batch=True)):
        yield server
