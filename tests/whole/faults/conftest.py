"""A process that fetches from a service that fails as it is told to, at a time that is told too."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from support.certificates import Certificates
from support.http_server import HttpServer
from support.secret_service import SecretService

from core_backend._configuration import Settings
from core_backend._engine import process as engine
from core_backend.testing.clock import FakeClock
from core_backend.testing.local_lambda import LocalLambda

SOURCES = ("direct", "sdk")


@pytest.fixture(scope="session")
def certificates():
    return Certificates()


@pytest.fixture(scope="session", autouse=True)
def _sdk_reads_its_models_once():
    """Spare each test the tenth of a second that the SDK's first client of a session takes."""
    real = botocore.session.create_loader
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.lru_cache(real))
        yield


@pytest.fixture
def service(certificates):
    with SecretService({"db": "pl4nted-db"}, certificates=certificates) as running:
        yield running


@pytest.fixture
def environ(service, monkeypatch):
    """This process's environment as on Lambda, with nothing of the machine's own in it."""
    foreign = ("AWS_", "CORE_BACKEND_", "SSL_CERT_")
    for name in list(os.environ):
        if name.startswith(foreign) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


class Process:
    """This process as a test sees it: its store, its clock, and the service it fetches from."""

    def __init__(self, service: SecretService, clock: FakeClock, store: Any) -> None:
        self.service = service
        self.clock = clock
        self.store = store

    @property
    def calls(self) -> int:
        """How many requests the service has seen."""
        return len(self.service.calls)

    @property
    def sleeps(self) -> list[float]:
        """How long each wait before a retry was."""
        return self.clock.sleeps


@pytest.fixture(params=SOURCES)
def source(request):
    """The source's name: each row about the network is run with both."""
    return request.param


@pytest.fixture
def settings():
    """Time for everything, on a machine that is slow; a test module overrides it."""
    return {"connect_timeout": 60, "read_timeout": 60, "timeout": 120}


@pytest.fixture
def process(service, environ, source, settings):
    clock = FakeClock()
    given = Settings(source=source).replace(**settings)
    with engine.replaced(clock=clock, random=lambda: 0.5, settings=given):
        store = engine.get_store()
        yield Process(service, clock, store)


FUNCTIONS = Path(__file__).parent / "functions"


@pytest.fixture
def deployed(service, source):
    """Return what runs a function under Lambda's own runtime client, against the service."""
    with contextlib.ExitStack() as running:

        def deploy(handler: str, **options: Any) -> LocalLambda:
            env = {"CORE_BACKEND_SOURCE": source, **service.environ, **options.pop("env", {})}
            return running.enter_context(LocalLambda(handler, FUNCTIONS, env=env, **options))

        yield deploy


@pytest.fixture
def credentials_server(service):
    """Credentials as Lambda hands them out under SnapStart: behind an address of this machine."""
    key, secret = next(iter(service.keys.items()))
    answer = {
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "Token": "pl4nted-session-token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    with HttpServer(answer) as server:
        server.env = {
            **dict.fromkeys(
                ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), ""
            ),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.port}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "pl4nted-authorization-token",
        }
        yield server


@pytest.fixture
def fingerprint():
    """What functions tell of a value."""
    return lambda value: hashlib.sha256(value.encode()).hexdigest()
