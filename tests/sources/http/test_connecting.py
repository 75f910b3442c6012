"""How a connection comes to be: addresses, time, and whom it trusts."""

from __future__ import annotations

import asyncio
import errno
import re
import select
import socket
import ssl
import struct
import threading
import warnings
from pathlib import Path

import pytest
from support.black_hole import swallowing_syns
from support.connecting import NAME, SECONDS, address, answering, at
from support.faults import AtConnect
from support.scripted import until
from support.secret_service import SecretService

from core_backend.sources.endpoints import Endpoint
from core_backend.sources.http import tls
from core_backend.sources.http.connection import Connection, Resolver, Untrusted, _wake, connect
from core_backend.sources.http.messages import Broken, request_bytes
from core_backend.sources.http.tls import Trust

# More than the buffers between two sockets take.
BIG = request_bytes("POST", "/", {"host": "a"}, b"x" * 16_000_000)


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


async def test_where_a_shipped_root_has_expired_the_systems_take_its_place(
    service, certificates, monkeypatch, tmp_path
):
    (tmp_path / Path(certificates.ca_file).name).write_bytes(certificates.expired_root())
    monkeypatch.setattr(tls, "ROOTS", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    with pytest.raises(Untrusted):
        await connect(at(service), Resolver(), Trust({}), SECONDS)
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca_file)
    (await connect(at(service), Resolver(), Trust({}), SECONDS)).close()
    # With the shipped root and with the system's, both times.
    assert service.connections == 4


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


async def test_the_group_of_the_key_exchange_is_told_where_python_tells(service, trust):
    class Newer(ssl.SSLSocket):
        """As Python 3.15 has it."""

        def group(self):
            return "X25519MLKEM768"

    trust.context().sslsocket_class = Newer
    (await connect(at(service), Resolver(), trust, SECONDS)).close()
    assert re.fullmatch(r"TLSv1\.3 TLS_\w+ X25519MLKEM768", trust.agreed)


async def test_what_speaks_no_tls_is_left(trust):
    def greet(_, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        endpoint = Endpoint(*server.sockets[0].getsockname(), tls=True)
        with pytest.raises(Broken, match="the connection broke: WRONG_VERSION_NUMBER"):
            await connect(endpoint, Resolver(), trust, SECONDS)


async def test_a_reset_between_the_connection_and_its_handshake_is_broken(trust):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        connection = Connection(Endpoint(*address, tls=True), socket.AF_INET)
        await connection.reach(address)
        accepted, _ = server.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        reset = select.poll()
        reset.register(connection._sock, 0)
        await until(lambda: reset.poll(0))
        with pytest.raises(Broken, match="the connection broke: Connection reset by peer"):
            await connection.start_tls(trust.context())
        connection.close()


async def test_a_socket_that_the_kernel_does_not_watch_is_broken(service, trust, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    service.script(AtConnect.BLACK_HOLE)
    monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", refuse)
    with pytest.raises(Broken, match="cannot be waited for: No space left"):
        await connect(at(service), Resolver(), trust, SECONDS)
    service.wait_for_open(0)


@pytest.mark.parametrize("tls", [True, False])
async def test_it_waits_for_a_server_that_only_reads_what_comes(certificates, trust, tls):
    """The server is on this loop, so it does nothing before the client waits for it."""
    asked = []

    async def answer(reader, writer):
        asked.append(len(await reader.readexactly(len(BIG))))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    context = certificates.server_context() if tls else None
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        endpoint = Endpoint(*server.sockets[0].getsockname(), tls=tls)
        connection = await connect(endpoint, Resolver(), trust, SECONDS)
        assert (await connection.exchange(BIG)).body == b"ok"
        connection.close()
    assert asked == [len(BIG)]


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
