"""A service with real TLS, and a source that asks it."""

from __future__ import annotations

import pytest
from support.certificates import Certificates
from support.direct_sources import source_of
from support.secret_service import SecretService


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


@pytest.fixture
def service(certificates):
    secrets = {"db": "pl4nted-db", "bin": b"pl4nted-\xff\x00"}
    with SecretService(secrets, certificates=certificates, verify=True) as running:
        yield running


@pytest.fixture
async def source(service):
    made = source_of(service)
    yield made
    await made.aclose()
