"""The direct source from its first fetch on: credentials, loops, forks, and what it imports."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import subprocess
import sys
import warnings

import pytest
from support.direct_sources import REQUEST, source_of
from support.faults import AtConnect, Held, silent, stall
from support.http_server import HttpServer

from core_backend import get_secret, secrets_info
from core_backend._configuration import Settings
from core_backend._engine.process import replaced
from core_backend.errors import ConfigurationError, SecretAccessDeniedError, SecretUnavailableError


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "set AWS_REGION"),
        ({"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://10.0.0.1"}, "plain http"),
        ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID is not set"),
        ({"AWS_SESSION_TOKEN": "pl4nted\n"}, "AWS_SESSION_TOKEN has"),
        # As os.environ gives bytes that are not UTF-8.
        ({"AWS_SECRET_ACCESS_KEY": "pl4nted\udcff"}, "AWS_SECRET_ACCESS_KEY has"),
    ],
)
async def test_what_is_wrong_with_the_environment_is_said_before_anything_is_sent(
    service, source, change, words
):
    source.check(REQUEST)
    source._environ |= change
    with pytest.raises(ConfigurationError, match=words):
        source.check(REQUEST)
    with pytest.raises(ConfigurationError, match=words):
        await source.fetch(REQUEST)
    assert not service.connections


async def test_rotated_credentials_are_used_by_the_next_fetch(service, source):
    await source.fetch(REQUEST)
    service.keys = {"ASIANEW": "pl4nted-new-key"}
    with pytest.raises(SecretAccessDeniedError, match="credentials were refused"):
        await source.fetch(REQUEST)
    source._environ |= {"AWS_ACCESS_KEY_ID": "ASIANEW", "AWS_SECRET_ACCESS_KEY": "pl4nted-new-key"}
    await source.fetch(REQUEST)
    assert [call.access_key for call in service.calls] == ["AKIDEXAMPLE"] * 2 + ["ASIANEW"]


async def test_a_containers_credentials_are_asked_for_anew_once_they_were_refused(service, source):
    answer = {
        "AccessKeyId": "AKIDEXAMPLE",
        "SecretAccessKey": service.keys["AKIDEXAMPLE"],
        "Token": "pl4nted-container-token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    with HttpServer({**answer, "AccessKeyId": "ASIAOLD"}) as container:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            del source._environ[name]
        uri = f"http://127.0.0.1:{container.port}/"
        source._environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri
        with pytest.raises(SecretAccessDeniedError):
            await source.fetch(REQUEST)
        container.answer = answer
        for _ in range(2):
            assert (await source.fetch(REQUEST)).value == "pl4nted-db"
        assert len(container.requests) == 2
        await source.aclose()
        container.answer = b"pl4nted"
        with pytest.raises(SecretUnavailableError, match="holds no credentials"):
            await source.fetch(REQUEST)


def test_it_serves_one_loop_after_another(service):
    source = source_of(service)

    async def once():
        value = (await source.fetch(REQUEST)).value
        await source.aclose()
        await source.aclose()
        return value

    assert [asyncio.run(once()) for _ in range(3)] == ["pl4nted-db"] * 3
    service.wait_for_open(0)


@pytest.mark.parametrize("fault", [AtConnect.BLACK_HOLE, silent, stall])
async def test_a_cancelled_fetch_leaves_nothing_behind(service, source, fault):
    service.script(fault)
    fetch = asyncio.create_task(source.fetch(REQUEST))
    if isinstance(fault, AtConnect):
        await asyncio.to_thread(service.wait_for_open, 1)
    else:
        await service.arrived(1)
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetch
    service.wait_for_open(0)


def test_a_forked_child_can_leave_it_behind(service):
    async def talk():
        source = source_of(service)
        await source.fetch(REQUEST)
        held = Held()
        service.script(held)
        fetch = asyncio.create_task(source.fetch(REQUEST))
        await service.arrived(2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that threads are running
            child = os.fork()
        if not child:
            # It awaits nothing, so it works without the loop.
            with contextlib.suppress(StopIteration):
                source.aclose().send(None)
            os._exit(0 if source._pool is None else 1)
        assert os.waitpid(child, 0)[1] == 0  # noqa: ASYNC222  # it is about to end
        held.release()
        assert (await fetch).value == "pl4nted-db"
        await source.aclose()

    asyncio.run(talk())
    assert [call.connection for call in service.calls] == [1, 1]


def test_a_cold_fetch_imports_nothing_that_it_does_not_need(service):
    program = """
import asyncio, json, os, sys, core_backend
from core_backend._clock import SystemClock
from core_backend._configuration import Settings
from core_backend.sources import SecretRequest
from core_backend.sources.http.messages import Broken
from core_backend.sources.http.connection import Resolver

before = set(sys.modules)
from core_backend.sources.direct import DirectSource

async def main():
    source = DirectSource(Settings(), os.environ, SystemClock())
    assert (await source.fetch(SecretRequest("db"))).value
    try:
        await Resolver().start(64 * "a" + ".invalid", 443)
    except Broken:
        pass
    await source.aclose()

asyncio.run(main())
print(*(name for name in set(sys.modules) - before if not name.startswith("core_backend.")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **service.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) <= {"_sha2" if sys.version_info >= (3, 12) else "_hashlib"}


def test_a_fetch_that_succeeds_imports_nothing_for_what_it_does_not_do(service):
    program = """
import sys
from core_backend import get_secrets

get_secrets("db").result()
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **service.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "core_backend.sources.direct" in loaded
    ours = ("_redaction", "_masking", "sources.failures", "sources.batching", "sources.sdk")
    assert loaded.isdisjoint(f"core_backend.{name}" for name in ours)


@pytest.mark.parametrize("batch", [False, True])
async def test_what_tls_is_in_use_is_told(service, monkeypatch, caplog, batch):
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    caplog.set_level(logging.DEBUG, "core_backend")
    with replaced(settings=Settings().replace(batch=batch)):
        assert secrets_info().tls is None
        await get_secret("db")
        told = secrets_info().tls
        await get_secret("db", fresh=True)
    assert re.fullmatch(r"TLSv1\.3 TLS_\w+( \S+)?", told)
    # Once, although two requests were sent: it is a line for each connection.
    lines = [line for line in caplog.messages if "connected" in line]
    assert lines == [f"127.0.0.1:{service.port}: connected over {told}"]
