"""A service by moto, and an environment that leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.sdk_sources import PLANTED

from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        client = server.client()
        client.create_secret(Name="text", SecretString=PLANTED)
        client.create_secret(Name="bytes", SecretBinary=PLANTED.encode())
        client.create_secret(Name="empty")
        client.create_secret(Name="gone", SecretString="pl4nted")
        client.delete_secret(SecretId="gone")
        yield server


@pytest.fixture
def environ(server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch
