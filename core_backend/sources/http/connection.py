"""One connection, used for one request after another.

It uses the socket directly instead of asyncio's transports. Those double the time of a TLS
handshake, take a quarter of a megabyte each, and cannot be dropped in a forked child without ending
the parent's TLS session. Here closing sends nothing but the kernel's FIN.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from core_backend.sources.http.messages import Broken, ResponseReader, Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_backend._clock import Moment
    from core_backend.sources.endpoints import Endpoint
    from core_backend.sources.http.messages import Response
    from core_backend.sources.http.tls import Trust

    Address = tuple[socket.AddressFamily, tuple[Any, ...]]

__all__ = [
    "Connection",
    "Resolver",
    "Untrusted",
    "connect",
]


class Resolver:
    """Looks up host names, with at most one thread for each name.

    The threads are daemons, so that a look-up that hangs does not delay the process's exit.

    Args:
        getaddrinfo: The function for a look-up, called in a thread.
    """

    def __init__(self, getaddrinfo: Callable[..., list[Any]] = socket.getaddrinfo) -> None:
        self._getaddrinfo = getaddrinfo
        self._pending: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}

    def forget(self, host: str, port: int) -> None:
        """Make the next connection look ``host`` up anew, although a thread may still wait."""
        self._pending.pop((host, port), None)

    def start(self, host: str, port: int) -> asyncio.Future[list[Address]]:
        """Start to look up the addresses of ``host``.

        Returns:
            A future that others may share, so shield it. It is done at once for an IP address and
            for localhost, and fails with ``Broken`` if nothing is found.
        """
        key = (host, port)
        if pending := self._pending.get(key):
            return pending
        pending = asyncio.get_running_loop().create_future()
        if literal := _literal(host, port):
            pending.set_result(literal)
            return pending
        self._pending[key] = pending
        pending.add_done_callback(lambda done: self._finish(key, done))
        thread = threading.Thread(
            target=self._look_up, args=(pending, host, port), name="core_backend dns", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # The process has too many threads, or is about to exit.
            pending.set_exception(Broken("no thread could be started to look the name up"))
            self._finish(key, pending)
        return pending

    def _finish(self, key: tuple[str, int], done: asyncio.Future[list[Address]]) -> None:
        if self._pending.get(key) is done:
            del self._pending[key]
        # If nobody waits any more, asyncio would log an exception that was never retrieved.
        if not done.cancelled():
            done.exception()

    def _look_up(self, pending: asyncio.Future[list[Address]], host: str, port: int) -> None:
        found: list[Address] = []
        with contextlib.suppress(OSError):
            # As bytes: for a str, Python imports the codec of international names, 1.5 ms.
            answers = self._getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
            found = [(family, address) for family, _, _, _, address in answers]
        # The loop may be closed by now.
        with contextlib.suppress(RuntimeError):
            pending.get_loop().call_soon_threadsafe(_settle, pending, found)


def _settle(pending: asyncio.Future[list[Address]], found: list[Address]) -> None:
    if pending.done():
        return
    if found:
        pending.set_result(found)
    else:
        pending.set_exception(Broken("the name was not found"))


def _literal(host: str, port: int) -> list[Address]:
    if host == "localhost":
        # Never looked up, because a name server may answer with another machine.
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0))]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except OSError:
        return []
    return [(family, (host, port) if family == socket.AF_INET else (host, port, 0, 0))]


_READ_SIZE = 65_536
T = TypeVar("T")

_log = logging.getLogger("core_backend")


class Untrusted(Exception):  # noqa: N818  # what the server is
    """The server's certificate does not verify."""


class Connection:
    """A socket that is connected, secured with TLS, and used, on one event loop."""

    def __init__(self, endpoint: Endpoint, family: socket.AddressFamily) -> None:
        self.endpoint = endpoint
        self.idle_since: Moment | None = None
        """When it last became idle; ``None`` if it never was."""
        try:
            self._sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            raise Broken(f"no socket: {_explain(error)}") from None
        self._sock.setblocking(False)  # noqa: FBT003  # its name says what
        # Send a request at once, although the one before may not be acknowledged yet.
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()
        self._waiting: asyncio.Future[None] | None = None

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._sock.fileno() == -1

    def close(self) -> None:
        """Close this process's end. A task that waits on it gets ``Broken``.

        TLS sends nothing, so that a forked child leaves its parent's connection intact.
        """
        self._unregister(self._sock.fileno())
        self._sock.close()
        if self._waiting is not None and not self._waiting.done() and not self._loop.is_closed():
            self._waiting.set_exception(Broken("the connection was closed"))

    def is_quiet(self) -> bool:
        """Return whether nothing has arrived since the last answer: no data, no end.

        Call this between two requests only. Over TLS it also takes in the session tickets that a
        server sends after the handshake.
        """
        try:
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    async def reach(self, address: tuple[object, ...]) -> None:
        """Connect to ``address``.

        Raises:
            Broken: It cannot be reached.
        """
        code = self._sock.connect_ex(address)
        if code in {errno.EINPROGRESS, errno.EWOULDBLOCK}:
            await self._wait(writing=True)
            code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise Broken(f"no connection: {os.strerror(code)}")

    async def start_tls(self, context: ssl.SSLContext) -> str:
        """Do the TLS handshake.

        Returns:
            The TLS version, the cipher and, from Python 3.15 on, the group of the key exchange.

        Raises:
            Untrusted: The server's certificate does not verify.
            Broken: The handshake failed otherwise.
        """
        # As bytes: for a str, Python imports the codec of international names, 1.5 ms.
        name = self.endpoint.host.encode("ascii")
        try:
            # Before 3.13, wrap_socket would leave a socket open that was reset already.
            self._sock.getpeername()
            self._sock = secured = context.wrap_socket(
                self._sock, server_hostname=name, do_handshake_on_connect=False
            )
        except OSError as error:
            raise Broken(f"the connection broke: {_explain(error)}") from None
        await self._do(secured.do_handshake)
        # Typeshed does not know group() yet.
        group: Callable[[], str | None] | None = getattr(secured, "group", None)
        cipher = secured.cipher() or ("",)
        agreed = (secured.version(), cipher[0], group and group())
        return " ".join(filter(None, agreed))

    async def exchange(self, request: bytes) -> Response:
        """Send a request and return its response. A failure closes the connection.

        Raises:
            Unanswered: The connection ended before the response began.
            Broken: The response was cut off or malformed.
        """
        reader = ResponseReader()
        response: Response | None = None
        try:
            await self._send(request)
            while response is None:
                # Not bound to a name, so that the data do not outlive the reader.
                response = reader.feed(await self._do(self._sock.recv, _READ_SIZE))
        except Broken as broken:
            if reader.has_begun:
                raise
            raise Unanswered(str(broken)) from None
        else:
            return response
        finally:
            reader.clear()
            if response is None or not response.keep_alive:
                self.close()

    async def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[await self._do(self._sock.send, rest, writing=True) :]

    async def _do(self, operation: Callable[..., T], *given: object, writing: bool = False) -> T:
        """Do an operation of the socket, and wait for the socket whenever it is not ready."""
        while True:
            try:
                return operation(*given)
            except BlockingIOError:
                waits_to_write = writing
            except ssl.SSLWantReadError:
                waits_to_write = False
            except ssl.SSLWantWriteError:
                waits_to_write = True
            except ssl.SSLCertVerificationError as error:
                raise Untrusted(error.verify_message) from None
            except OSError as error:
                raise Broken(f"the connection broke: {_explain(error)}") from None
            await self._wait(writing=waits_to_write)

    async def _wait(self, *, writing: bool) -> None:
        descriptor = self._sock.fileno()
        self._waiting = self._loop.create_future()
        add = self._loop.add_writer if writing else self._loop.add_reader
        try:
            add(descriptor, _wake, self._waiting)
            await self._waiting
        except OSError as error:
            # The kernel watches no more descriptors for this user.
            raise Broken(f"the connection cannot be waited for: {_explain(error)}") from None
        finally:
            self._waiting = None
            self._unregister(descriptor)

    def _unregister(self, descriptor: int) -> None:
        # If it was closed meanwhile, another connection may have the number already.
        is_open = descriptor != -1 and descriptor == self._sock.fileno()
        # A forked child still has the parent's selector.
        if is_open and self._pid == os.getpid() and not self._loop.is_closed():
            self._loop.remove_reader(descriptor)
            self._loop.remove_writer(descriptor)


async def connect(
    endpoint: Endpoint, resolver: Resolver, trust: Trust, seconds: float
) -> Connection:
    """Connect within ``seconds`` to the first address of the host that answers.

    Raises:
        Untrusted: The server's certificate does not verify.
        Broken: No address can be reached, or the handshake failed.
        ConfigurationError: The certificates to trust cannot be read.
        TimeoutError: It took longer.
    """
    async with asyncio.timeout(seconds):
        lookup = resolver.start(endpoint.host, endpoint.port)
        # Made during the look-up, because it takes about as long.
        context = trust.context() if endpoint.tls else None
        # Shielded, because others wait for the same look-up.
        addresses = await asyncio.shield(lookup)
        while True:
            connection = await _reach_any(endpoint, addresses, seconds)
            if context is None:
                return connection
            try:
                trust.agreed = await connection.start_tls(context)
                _log.debug("%s: connected over %s", endpoint.authority, trust.agreed)
            except Untrusted as untrusted:
                connection.close()
                context = trust.after(context)
                if context is None:
                    raise untrusted from None
            except BaseException:
                connection.close()
                raise
            else:
                return connection


async def _reach_any(endpoint: Endpoint, addresses: list[Address], seconds: float) -> Connection:
    *others, last = addresses
    for address in others:
        try:
            # An address that never answers leaves time for the next one.
            async with asyncio.timeout(seconds / len(addresses)):
                return await _reach(endpoint, address)
        except (Broken, TimeoutError):
            continue
    return await _reach(endpoint, last)


async def _reach(endpoint: Endpoint, where: Address) -> Connection:
    family, address = where
    connection = Connection(endpoint, family)
    try:
        await connection.reach(address)
    except BaseException:
        connection.close()
        raise
    return connection


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _explain(error: OSError) -> str:
    if error.errno == errno.ENOTCONN:
        # Python asks who the peer is. If it has reset the connection by then, there is none.
        return os.strerror(errno.ECONNRESET)
    reason = getattr(error, "reason", None)
    return str(reason or error.strerror or type(error).__name__)
