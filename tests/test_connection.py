"""One connection, against a real server with real TLS, or none."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
import threading
import warnings

import pytest
from support.black_hole import swallowing_syns
from support.certificates import Certificates
from support.faults import AtConnect, close_after, raw, reset, shorter_than_told, silent
from support.http_server import HttpServer
from support.scripted import until
from support.secret_service import SecretService

from core_backend.sources._connection import Connection, Untrusted, _wake, connect
from core_backend.sources._http import Broken, ResponseReader, request_bytes
from core_backend.sources._resolver import Resolver
from core_backend.sources.endpoints import Endpoint
from core_backend.sources.tls import Trust

SECONDS = 5
NAME = "service.example"
ASK = request_bytes("POST", "/", {"host": "a"}, b"{}")


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


def at(server, host="127.0.0.1", *, tls=True):
    return Endpoint(host, server.port, tls=tls)


def answering(*addresses):
    """Return a resolver that knows one name, of these addresses."""
    return Resolver(lambda *_, **__: [(*address[0], address[1]) for address in addresses])


def address(host, port, family=socket.AF_INET):
    return ((family, socket.SOCK_STREAM, 6, ""), (host, port))


async def test_it_serves_one_request_after_another(service, trust):
    connection = await connect(at(service), Resolver(), trust, SECONDS)
    assert not connection.used
    for _ in range(3):
        response = await connection.exchange(ASK)
        assert response.status == 400
        assert connection.used
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
    service.script(shorter_than_told)
    connection = await connect(at(service), Resolver(), trust, SECONDS)
    waiting = asyncio.create_task(connection.exchange(ASK))
    readers = []

    def has_arrived():
        readers[:] = [one for one in gc.get_objects() if isinstance(one, ResponseReader)]
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


async def test_nothing_listens(service, trust):
    with service.refusing(), pytest.raises(Broken, match="no connection: Connection refused"):
        await connect(at(service), Resolver(), trust, SECONDS)


async def test_an_address_that_refuses_or_swallows_is_passed_over(service, trust):
    names = answering(
        address("127.0.0.2", service.port),
        address("127.0.0.3", service.port),
        address("127.0.0.1", service.port),
    )
    with swallowing_syns("127.0.0.3", service.port):
        connection = await connect(at(service, NAME), names, trust, 1)
        connection.close()
    assert service.connections == 1


async def test_a_family_that_the_machine_has_not_is_passed_over(service, trust):
    names = answering(address("x", 1, family=12345), address("127.0.0.1", service.port))
    connection = await connect(at(service, NAME), names, trust, SECONDS)
    connection.close()


async def test_where_nothing_answers_it_takes_no_longer_than_allowed():
    with swallowing_syns() as port, pytest.raises(TimeoutError):
        await connect(Endpoint("127.0.0.1", port, tls=True), Resolver(), Trust({}), 0.1)


async def test_a_name_service_that_never_answers_takes_no_longer_than_allowed():
    stop = threading.Event()

    def never(*_, **__):
        stop.wait(10)
        return []

    with pytest.raises(TimeoutError):
        await connect(Endpoint(NAME, 443, tls=True), Resolver(never), Trust({}), 0.05)
    stop.set()


async def test_a_handshake_that_never_comes_is_given_up_and_the_connection_closed(service, trust):
    service.script(AtConnect.BLACK_HOLE)
    with pytest.raises(TimeoutError):
        await connect(at(service), Resolver(), trust, 0.1)
    service.wait_for_open(0)


@pytest.mark.parametrize(
    ("names", "quality", "words"),
    [
        (["other.example"], {}, "IP address mismatch"),
        ([], {"expired": True}, "certificate has expired"),
        ([], {"trusted": False}, "unable to get local issuer"),
    ],
)
async def test_a_certificate_that_does_not_verify_ends_it(certificates, names, quality, words):
    tls = certificates.server_context(*names, **quality)
    trust = Trust({"AWS_CA_BUNDLE": certificates.ca_file})
    with SecretService(tls=tls) as service:
        with pytest.raises(Untrusted, match=words):
            await connect(at(service), Resolver(), trust, SECONDS)
        service.wait_for_open(0)
        assert not service.calls


async def test_a_name_is_checked_like_an_address(certificates):
    trust = Trust({"AWS_CA_BUNDLE": certificates.ca_file})
    with SecretService(tls=certificates.server_context("127.0.0.1")) as service:
        (await connect(at(service), Resolver(), trust, SECONDS)).close()
        with pytest.raises(Untrusted, match="Hostname mismatch"):
            await connect(at(service, "localhost"), Resolver(), trust, SECONDS)


async def test_nobody_is_trusted_by_the_shipped_roots_or_the_systems(service):
    with pytest.raises(Untrusted):
        await connect(at(service), Resolver(), Trust({}), SECONDS)
    # Once with each.
    assert service.connections == 2


async def test_the_systems_certificates_take_the_place_of_the_shipped(
    service, certificates, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca_file)
    trust = Trust({})
    several = [connect(at(service), Resolver(), trust, SECONDS) for _ in range(3)]
    for connection in await asyncio.gather(*several):
        connection.close()
    assert service.connections == 6
    (await connect(at(service), Resolver(), trust, SECONDS)).close()
    assert service.connections == 7


async def test_a_server_that_speaks_only_old_tls_is_left(certificates, trust):
    old = certificates.server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with SecretService(tls=old) as service:
        with pytest.raises(Broken, match="the connection broke"):
            await connect(at(service), Resolver(), trust, SECONDS)
        assert not service.calls


async def test_what_speaks_no_tls_is_left(trust):
    def greet(_, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        endpoint = Endpoint(*server.sockets[0].getsockname(), tls=True)
        with pytest.raises(Broken, match="the connection broke: WRONG_VERSION_NUMBER"):
            await connect(endpoint, Resolver(), trust, SECONDS)


async def test_an_address_that_nothing_can_be_sent_to_is_broken():
    endpoint = Endpoint(NAME, 443, tls=True)
    with pytest.raises(Broken, match="no connection: "):
        await connect(endpoint, answering(address("255.255.255.255", 443)), Trust({}), SECONDS)


async def test_what_arrives_just_after_nobody_waits_any_more_wakes_nobody():
    waiting = asyncio.get_running_loop().create_future()
    waiting.cancel()
    _wake(waiting)
    assert waiting.cancelled()


async def test_closing_it_before_it_is_connected_is_no_error():
    connection = Connection(Endpoint("a", 1, tls=False), socket.AF_INET)
    connection.close()
    connection.close()
    assert connection.closed
