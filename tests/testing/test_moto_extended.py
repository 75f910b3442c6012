"""How moto is extended to serve our sources: its server mode, and when it is imported."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
import types

import boto3
import pytest
from moto import mock_aws

from core_backend import SecretUnavailableError, get_secret
from core_backend.sources import SecretRequest
from core_backend.testing import _boto_source, _moto, fake_env
from core_backend.testing.moto_server import MotoServer


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_REGION", raising=False)


def run(program: str, **environ: str) -> None:
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60, env=environ
    )


@pytest.fixture
def clean_environ():
    """What a process of ours needs to run and to be measured."""
    kept = ("PATH", "PYTHONPATH", "HOME")
    return {k: v for k, v in os.environ.items() if k in kept or k.startswith("COVERAGE_")}


SERVER_MODE = """
    import boto3, core_backend.testing
    from moto import mock_aws
    from core_backend import SecretUnavailableError, get_secret

    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name="a", SecretString="served")
        assert get_secret("a").result() == "served"
"""


def test_motos_server_mode_works(clean_environ):
    with MotoServer() as server:
        mode = {"TEST_SERVER_MODE": "true", "TEST_SERVER_MODE_ENDPOINT": server.url}
        run(SERVER_MODE, **clean_environ, **server.env, **mode)


async def test_a_server_that_is_not_there_is_named(monkeypatch, fake_clock):
    def nowhere(*args, **kwargs):
        return boto3.client(*args, **kwargs, endpoint_url="http://127.0.0.1:9")

    sdk = types.SimpleNamespace(client=nowhere, session=boto3.session)
    with mock_aws():
        monkeypatch.setattr(_boto_source, "_sdk", sdk)
        with pytest.raises(SecretUnavailableError, match="check that the server is running"):
            await get_secret("dev/stripe")


async def test_its_clients_are_closed_with_it(monkeypatch):
    with MotoServer() as server, fake_env(server.env):
        server.client().create_secret(Name="a", SecretString="pl4nted-moto-13")
        source = _boto_source.BotoSource()
        source.check(SecretRequest("a"))
        connections = source._clients["us-east-1"]._endpoint.http_session._manager.pools
        assert (await source.fetch(SecretRequest("a"))).value == "pl4nted-moto-13"
        assert len(connections) == 1
        await source.aclose()
        assert len(connections) == 0


AFTER = """
    import moto.core.models
    from moto import mock_aws
    import core_backend.testing
    assert moto.core.models.MockAWS.extended_by_core_backend
"""
BEFORE = """
    import sys
    import core_backend.testing.pytest_plugin
    assert not {"moto", "boto3", "botocore", "aiobotocore", "awslambdaric"} & set(sys.modules)
    import moto.core.models, inspect
    assert moto.core.models.MockAWS.extended_by_core_backend
    # Whoever looks for its source finds it.
    assert "class MockAWS" in inspect.getsource(moto.core.models)
    assert type(moto.core.models.__spec__.loader) is type(moto.__spec__.loader)
    assert type(moto.core.models.__loader__) is type(moto.__loader__)
"""


def test_moto_is_extended_also_where_it_was_imported_before(clean_environ):
    run(AFTER, **clean_environ)


def test_moto_is_not_imported_by_us(clean_environ):
    run(BEFORE, **clean_environ)


def test_other_modules_are_found_as_ever():
    finder = _moto._Finder()
    assert finder.find_spec("moto", None) is None


def test_a_moto_that_is_not_installed_is_not_found(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [finder := _moto._Finder()])
    assert finder.find_spec("moto.core.models", []) is None
    assert sys.meta_path == []


def test_an_old_moto_is_left_alone():
    old = types.ModuleType("moto.core.models")
    _moto._extend(old)
    assert not hasattr(old, "MockAWS")
    # That of moto 4.
    old.MockAWS = type("BotocoreEventMockAWS", (), {"start": 1, "stop": 2, "decorate_class": 3})
    _moto._extend(old)
    assert old.MockAWS.start == 1


def test_moto_is_extended_once():
    models = sys.modules["moto.core.models"]
    start = models.MockAWS.start
    _moto.install()
    assert models.MockAWS.start is start
    assert importlib.util.find_spec("moto.core.models") is not None
