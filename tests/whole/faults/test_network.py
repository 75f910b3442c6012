"""A network that breaks, and answers that make no sense: rows 11 and 13."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import traceback

import pytest
from support import faults
from support.black_hole import swallowing_syns
from support.scripted import until
from support.secret_service import SecretService

from core_backend import SecretName, SecretUnavailableError, get_secret, get_secrets
from core_backend.sources.http.connection import Resolver

MARKER = "pl4nted"


async def test_row_11_a_connection_closed_while_idle_costs_no_delay(process, service):
    await get_secret("db")
    service.close_connections()
    assert await get_secret("db", fresh=True) == "pl4nted-db"
    assert process.calls == 2
    assert process.sleeps == []
    assert service.calls[0].connection != service.calls[1].connection


@pytest.mark.parametrize("end", [faults.reset, faults.raw(b"")], ids=["reset", "closed"])
async def test_row_11_a_connection_that_ends_as_it_is_used_again_costs_one_call_and_no_delay(
    process, service, end
):
    await get_secret("db")
    service.forget()
    service.script(end)
    assert await get_secret("db", fresh=True) == "pl4nted-db"
    assert process.calls == 2
    assert process.sleeps == []
    assert service.calls[1].nth == 1


async def test_row_11_a_new_connection_that_breaks_is_retried_after_a_delay(process, service):
    service.script(faults.reset)
    assert await get_secret("db") == "pl4nted-db"
    assert process.calls == 2
    assert len(process.sleeps) == 1


async def test_row_11_ten_idle_connections_closed_at_once_cost_no_attempt(process, service):
    names = [f"s{n}" for n in range(10)]
    for name in names:
        service.put(name, "pl4nted")
    held = [faults.Held() for _ in names]
    service.script(*held)
    asking = get_secrets(*names)
    # None is free for another before all are open.
    await service.arrived(10)
    for one in held:
        one.release()
    await asking
    assert service.most_open == 10
    service.close_connections()
    service.forget()
    assert await get_secret("db") == "pl4nted-db"
    assert process.calls == 1
    assert process.sleeps == []


def answer(**fields):
    return json.dumps({"VersionId": "v", **fields}).encode()


UNREADABLE = {
    "truncated": faults.truncated,
    "reset in the body": faults.reset_mid_body,
    "reset in the header": faults.reset_mid_header,
    "an end in the header": faults.raw(b"HTTP/1.1 200 OK\r\nX-A: pl4nted\r\n"),
    "a header that is none": faults.raw(b"HTTP/1.1 200 OK\r\npl4nted\r\n\r\n"),
    "not JSON": faults.non_json,
    "10 MiB": faults.huge,
    "10 MiB with a version": faults.body(answer(SecretString="pl4nted-" * 1_310_720)),
    "one byte too long": faults.body(answer(SecretString="pl4nted!" * 8192 + "!")),
    "no body": faults.no_body,
    "a number": faults.body(answer(SecretString=4)),
    "a list": faults.body(b'["pl4nted"]'),
    "null": faults.body(b"null"),
    "an object as text": faults.body(answer(SecretString={"a": "pl4nted"})),
    "no value": faults.body(answer()),
    "no version": faults.body(b'{"SecretString": "pl4nted"}'),
    "version of another kind": faults.body(b'{"SecretString": "pl4nted", "VersionId": [1]}'),
    "binary that is not base64": faults.body(answer(SecretBinary="pl4nted!")),
    "binary that is a number": faults.body(answer(SecretBinary=7)),
    "not UTF-8": faults.body(b'{"SecretString": "pl4nted\xff", "VersionId": "v"}'),
    "not HTTP": faults.raw(b"SSH-2.0-OpenSSH pl4nted\r\n"),
    "an error that is not JSON": faults.body(b"<h1>pl4nted</h1>", status=502),
    "an error without a code": faults.body(b'{"Message": "pl4nted"}', status=500),
}


@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_row_13_an_unreadable_body_is_tried_three_times_and_never_quoted(
    process, service, fault, caplog
):
    service.always(fault)
    with pytest.raises(SecretUnavailableError, match="'db'") as caught:
        await get_secret("db")
    assert process.calls == 3
    error = caught.value
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert not [line for line in told.format() if MARKER in line]
    assert MARKER not in caplog.text


@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_row_13_it_is_tried_no_more_often_on_a_connection_that_was_used_before(
    process, service, source, fault
):
    service.put("other", "pl4nted")
    await get_secret("other")
    service.forget()
    service.always(fault)
    with pytest.raises(SecretUnavailableError, match="'db'"):
        await get_secret("db")
    # The SDK does not always tell a reset within the header from one before it.
    taken_for_dead = source == "sdk" and fault is faults.reset_mid_header
    assert process.calls in {3, 3 + taken_for_dead}
    assert service.calls[0].nth == 2


def answer_of(service, **asked):
    return json.dumps(service.vault.answer("GetSecretValue", asked)).encode()


def is_repeated(service):
    """Return whether the second of two calls was made on a new connection."""
    first, second = service.calls
    return second.connection != first.connection and second.nth == 1


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
async def test_row_13_an_answer_about_another_secret_is_asked_for_again(process, service, kept):
    service.put("other", "pl4nted-other")
    if kept:
        await get_secret("other")
        service.forget()
    service.script(faults.body(answer_of(service, SecretId="other")))
    assert await get_secret("db") == "pl4nted-db"
    assert is_repeated(service)
    assert len(process.sleeps) == (not kept)


async def test_row_13_so_is_one_about_another_version_or_stage(process, service, environ):
    environ.setenv("DB", "db")
    first = service.vault.answer("GetSecretValue", {"SecretId": "db"})
    service.put("db", "pl4nted-new")
    current = answer_of(service, SecretId="db")
    name = SecretName("db")
    for request in (name.versioned(first["VersionId"]), name.staged("AWSPREVIOUS")):
        service.forget()
        service.script(faults.body(current))
        assert await get_secret(request) == "pl4nted-db"
        assert is_repeated(service)
    assert len(process.sleeps) == 1


async def test_row_13_a_second_answer_to_one_request_is_not_that_to_the_next(process, service):
    service.put("other", "pl4nted-other")
    junk = answer_of(service, SecretId="other")

    async def answer_twice(exchange):
        await exchange.serve()
        await exchange.send(exchange.head(len(junk)) + junk)

    for _ in range(3):
        service.script(answer_twice)
        assert await get_secret("other", fresh=True) == "pl4nted-other"
        assert await get_secret("db", fresh=True) == "pl4nted-db"
        process.clock.advance(2)


HOST = "secretsmanager.eu-central-1.amazonaws.com"


@pytest.fixture
def region(environ, certificates):
    """Return a service that is AWS's own of one Region, by its real name."""
    environ.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")
    tls = certificates.server_context(HOST)
    with SecretService({"db": "pl4nted-db"}, tls=tls, certificates=certificates) as service:
        yield service


def look_up_as(environ, ports):
    """Let names be looked up so that each leads to a port of this machine; note which were."""
    asked = []

    def look_up(host, *_, **__):
        asked.append(host.decode())
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", ports[asked[-1]]))]

    environ.setattr(Resolver.__init__, "__defaults__", (look_up,))
    return asked


async def test_a_region_that_swallows_everything_starves_no_other(region, process, environ):
    elsewhere = HOST.replace("eu-central-1", "us-west-2")
    with swallowing_syns() as hole:
        asked = look_up_as(environ, {HOST: region.port, elsewhere: hole})
        arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:s{}-AbCdEf"
        stuck = [asyncio.ensure_future(one(get_secret(arn.format(n)))) for n in range(30)]
        await until(lambda: elsewhere in asked)
        assert await get_secret("db") == "pl4nted-db"
        assert not any(task.done() for task in stuck)
        for task in stuck:
            task.cancel()
        await asyncio.wait(stuck)


async def one(pending):
    return await pending


async def test_where_no_thread_can_look_a_name_up_it_is_tried_again(region, process, environ):
    look_up_as(environ, {HOST: region.port})
    start, refused = threading.Thread.start, []

    def start_later(thread):
        if thread.name == "core_backend dns" and not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    environ.setattr(threading.Thread, "start", start_later)
    assert await get_secret("db") == "pl4nted-db"
    assert len(refused) == len(process.sleeps) == 1


async def test_a_machine_with_ipv6_alone_is_served(certificates, environ, process):
    environ.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")
    tls = certificates.server_context(HOST)
    with SecretService(
        {"db": "pl4nted-db"}, tls=tls, certificates=certificates, host="::1"
    ) as service:

        def look_up(*_, **__):
            found = ("::1", service.port, 0, 0)
            return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", found)]

        environ.setattr(Resolver.__init__, "__defaults__", (look_up,))
        assert await get_secret("db") == "pl4nted-db"
