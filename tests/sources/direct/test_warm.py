"""Warming the direct source: what is ready afterwards, and what becomes of the connection."""

from __future__ import annotations

import asyncio

import pytest
from support.direct_sources import REQUEST
from support.faults import AtConnect, reset
from support.http_server import HttpServer

from core_backend.errors import ConfigurationError
from core_backend.sources.http.messages import Broken
from core_backend.sources.http.pool import _WARM as WARM


async def test_a_fetch_uses_the_connection_that_warming_opened(service, source):
    await source.warm()
    assert (service.connections, service.calls) == (WARM, [])
    assert (await source.fetch(REQUEST)).value == "pl4nted-db"
    assert service.connections == WARM


async def test_warming_again_opens_no_further_connection(service, source):
    await asyncio.gather(source.warm(), source.warm())
    await source.fetch(REQUEST)
    await source.warm()
    assert service.connections == WARM


async def test_a_warm_connection_that_idled_too_long_is_replaced(service, source):
    await source.warm()
    source._clock.freeze(13)
    await source.fetch(REQUEST)
    assert [call.connection for call in service.calls] == [WARM + 1]
    service.wait_for_open(1)


async def test_a_warm_connection_that_the_server_closed_is_replaced(service, source):
    await source.warm()
    service.close_connections()
    await source.fetch(REQUEST)
    assert [call.connection for call in service.calls] == [WARM + 1]


async def test_a_warm_connection_that_breaks_on_its_first_request_costs_no_attempt(service, source):
    await source.warm()
    service.script(reset)
    await source.fetch(REQUEST)
    assert [call.connection for call in service.calls] == [WARM, WARM + 1]


async def test_warming_asks_a_container_for_its_credentials(service, source):
    answer = {
        "AccessKeyId": "AKIDEXAMPLE",
        "SecretAccessKey": service.keys["AKIDEXAMPLE"],
        "Expiration": "2099-01-01T00:00:00Z",
    }
    with HttpServer(answer) as container:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            del source._environ[name]
        uri = f"http://127.0.0.1:{container.port}/"
        source._environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri
        await source.warm()
        await source.fetch(REQUEST)
        assert len(container.requests) == 1
    assert service.connections == WARM


async def test_warming_raises_what_is_wrong_and_the_next_fetch_works(service, source):
    service.script(AtConnect.REFUSE)
    with pytest.raises(Broken):
        await source.warm()
    await source.fetch(REQUEST)
    source._environ["AWS_REGION"] = source._environ["AWS_DEFAULT_REGION"] = ""
    with pytest.raises(ConfigurationError, match="set AWS_REGION"):
        await source.warm()


async def test_a_source_that_is_closed_while_it_warms_keeps_nothing(service, source):
    service.script(AtConnect.BLACK_HOLE)
    warming = asyncio.create_task(source.warm())
    await asyncio.to_thread(service.wait_for_open, 1)
    await source.aclose()
    warming.cancel()
    await asyncio.wait([warming])
    service.wait_for_open(0)
