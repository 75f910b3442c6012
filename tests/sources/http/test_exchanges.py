"""One connection, against a real server with real TLS: asked, broken, closed."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import warnings

import pytest
from support.connecting import ASK, SECONDS, at
from support.faults import close_after, raw, reset, shorter_than_told, silent
from support.http_server import HttpServer
from support.scripted import until

from core_backend.sources.endpoints import Endpoint
from core_backend.sources.http.connection import Connection, Resolver, connect
from core_backend.sources.http.messages import Broken, ResponseReader, request_bytes
from core_backend.sources.http.tls import Trust


def has_data(connection):
    """Return whether bytes have arrived that TLS has not read yet."""
    try:
        return bool(socket.socket.recv(connection._sock, 1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


async def test_it_serves_one_request_after_another(service, trust):
    connection = await connect(at(service), Resolver(), trust, SECONDS)
    # The session tickets that the server sends after the handshake are not an answer.
    await until(lambda: has_data(connection))
    assert connection.is_quiet()
    for _ in range(3):
        response = await connection.exchange(ASK)
        assert response.status == 400
        assert connection.is_quiet()
    assert [(call.connection, call.nth) for call in service.calls] == [(1, 1), (1, 2), (1, 3)]
    connection.close()
    assert connection.closed
    service.wait_for_open(0)


async def test_without_tls_it_is_the_same():
    with HttpServer({"a": 1}) as server:
        connection = await connect(at(server, tls=False), Resolver(), Trust({}), SECONDS)
        for _ in range(2):
            assert (await connection.exchange(ASK)).body == b'{"a": 1}'
        assert server.connections == 1
        connection.close()


@pytest.mark.parametrize("tls", [True, False])
async def test_what_is_larger_than_the_kernel_takes_goes_out_in_pieces(service, trust, tls):
    big = request_bytes("POST", "/", {"host": "a"}, b"x" * 16_000_000)
    with HttpServer({}) as plain:
        server = service if tls else plain
        connection = await connect(at(server, tls=tls), Resolver(), trust, SECONDS)
        await connection.exchange(big)
        connection.close()


async def test_a_server_that_says_close_is_not_asked_again(service, trust):
    service.script(raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
    connection = await connect(at(service), Resolver(), trust, SECONDS)
    assert (await connection.exchange(ASK)).status == 200
    assert connection.closed


async def test_the_end_of_an_idle_connection_is_seen_before_it_is_used(service, trust):
    service.script(close_after)
    connection = await connect(at(service), Resolver(), trust, SECONDS)
    await connection.exchange(ASK)
    service.wait_for_open(0)
    assert not connection.is_quiet()
    with pytest.raises(Broken):
        await connection.exchange(ASK)
    assert connection.closed
    assert not connection.is_quiet()


@pytest.mark.parametrize("tls", [True, False])
async def test_junk_after_an_answer_is_seen_before_the_connection_is_used_again(
    certificates, trust, tls
):
    junk = asyncio.Event()

    async def answer(reader, writer):
        await reader.readexactly(len(ASK))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await junk.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\njunk")
        await reader.read()
        writer.close()

    context = certificates.server_context() if tls else None
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        endpoint = Endpoint(*server.sockets[0].getsockname(), tls=tls)
        connection = await connect(endpoint, Resolver(), trust, SECONDS)
        assert (await connection.exchange(ASK)).body == b"ok"
        assert connection.is_quiet()
        junk.set()
        await until(lambda: has_data(connection))
        assert not connection.is_quiet()
        connection.close()


async def test_a_reset_breaks_and_closes_it(service, trust):
    service.script(reset)
    connection = await connect(at(service), Resolver(), trust, SECONDS)
    with pytest.raises(Broken, match="Connection reset|ended before"):
        await connection.exchange(ASK)
    assert connection.closed


async def test_closing_it_ends_what_waits_on_it(service, trust):
    service.script(silent)
    connection = await connect(at(service), Resolver(), trust, SECONDS)
    waiting = asyncio.create_task(connection.exchange(ASK))
    await service.arrived(1)
    connection.close()
    with pytest.raises(Broken, match="was closed"):
        await waiting


async def test_who_stops_waiting_closes_it(service, trust):
    service.script(silent)
    connection = await connect(at(service), Resolver(), trust, SECONDS)
    waiting = asyncio.create_task(connection.exchange(ASK))
    await service.arrived(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert connection.closed
    service.wait_for_open(0)


async def test_what_had_arrived_is_forgotten_with_the_one_who_waited(service, trust):
    def find_readers():
        return [one for one in gc.get_objects() if isinstance(one, ResponseReader)]

    # What other tests have left in this process.
    others = {id(one): one for one in find_readers()}
    service.script(shorter_than_told)
    connection = await connect(at(service), Resolver(), trust, SECONDS)
    waiting = asyncio.create_task(connection.exchange(ASK))
    readers = []

    def has_arrived():
        readers[:] = [one for one in find_readers() if id(one) not in others]
        return any(one._body or one._at for one in readers)

    await until(has_arrived)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not any(one._data or one._body for one in readers)


def test_a_forked_child_leaves_the_loop_and_the_server_alone(service, trust):
    async def talk():
        connection = await connect(at(service), Resolver(), trust, SECONDS)
        service.script(silent)
        waiting = asyncio.create_task(connection.exchange(ASK))
        await service.arrived(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that threads are running
            child = os.fork()
        if not child:
            # The parent's selector still watches what the child closes.
            connection.close()
            os._exit(0 if connection.closed else 1)
        assert os.waitpid(child, 0)[1] == 0  # noqa: ASYNC222  # it is about to end
        assert not waiting.done()
        assert service.open_connections == 1
        service.close_connections()
        with pytest.raises(Broken, match="ended before"):
            await waiting

    asyncio.run(talk())


def test_closing_it_after_its_loop_is_no_error(service, trust):
    async def leave():
        return await connect(at(service), Resolver(), trust, SECONDS)

    connection = asyncio.run(leave())
    connection.close()
    assert connection.closed


async def test_closing_a_connection_ends_what_waits_for_it():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connection = Connection(Endpoint("127.0.0.1", port, tls=False), socket.AF_INET)
        await connection.reach(("127.0.0.1", port))
        waiting = asyncio.create_task(connection.exchange(b"GET / HTTP/1.1\r\n\r\n"))
        while connection._waiting is None:
            await asyncio.sleep(0)
        connection.close()
        with pytest.raises(Broken, match="the connection was closed"):
            await waiting
    assert connection.closed
