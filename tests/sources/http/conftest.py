"""A server with real TLS, and the trust in it."""

from __future__ import annotations

import pytest
from support.certificates import Certificates
from support.connecting import NAME
from support.secret_service import SecretService

from core_backend.sources.http.tls import Trust


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


@pytest.fixture
def service(certificates):
    tls = certificates.server_context("127.0.0.1", "localhost", NAME)
    with SecretService({"db": "pl4nted-db"}, tls=tls, certificates=certificates) as running:
        yield running


@pytest.fixture
def trust(certificates):
    return Trust({"AWS_CA_BUNDLE": certificates.ca_file})
