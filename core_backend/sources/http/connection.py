"""One connection: opened, used for one request after another, closed.

It talks to the socket itself, not through asyncio's transports: their TLS takes twice the time of
the handshake proper and a quarter of a megabyte each, and they cannot be dropped in a forked child
without saying goodbye on the parent's connection. Here closing sends nothing but the kernel's FIN.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
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
    """Looks names up, each by one thread at a time.

    Args:
        getaddrinfo: The look-up itself, as ``socket.getaddrinfo``, run in a thread.
    """

    def __init__(self, getaddrinfo: Callable[..., list[Any]] = socket.getaddrinfo) -> None:
        self._getaddrinfo = getaddrinfo
        self._pending: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}

    def forget(self, host: str, port: int) -> None:
        """Make the next connection look ``host`` up anew, although a thread may still wait."""
        self._pending.pop((host, port), None)

    def start(self, host: str, port: int) -> asyncio.Future[list[Address]]:
        """Begin to look up where ``host`` can be reached; done at once for an address.

        What is returned is shared: shield it. It fails with ``Broken`` where the name has none.
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
        # Looked at, in case nobody waits any more.
        if not done.cancelled():
            done.exception()

    def _look_up(self, pending: asyncio.Future[list[Address]], host: str, port: int) -> None:
        found: list[Address] = []
        with contextlib.suppress(OSError):
            # As bytes: a str would need the codec of international names, 1.5 ms to import.
            answers = self._getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
            found = [(family, address) for family, _, _, _, address in answers]
        # The loop may be closed by now, and nobody waiting.
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
        # Never asked for elsewhere, where the answer need not be this machine.
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0))]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except OSError:
        return []
    return [(family, (host, port) if family == socket.AF_INET else (host, port, 0, 0))]


_READ_SIZE = 65_536
T = TypeVar("T")


class Untrusted(Exception):  # noqa: N818  # what the server is
    """The server's certificate does not verify."""


class Connection:
    """A socket, first connected, then secured, then used. On one event loop."""

    def __init__(self, endpoint: Endpoint, family: socket.AddressFamily) -> None:
        self.endpoint = endpoint
        self.idle_since: Moment | None = None
        """When it last became idle; ``None`` until it does for the first time."""
        try:
            self._sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            raise Broken(f"no socket: {_explain(error)}") from None
        self._sock.setblocking(False)  # noqa: FBT003  # its name says what
        # A request leaves in one piece, and not only once the last one is acknowledged.
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()
        self._waiting: asyncio.Future[None] | None = None

    @property
    def closed(self) -> bool:
        """Whether it can serve no further request."""
        return self._sock.fileno() == -1

    def close(self) -> None:
        """Close this process's end, without a word to the peer; what waits on it gets ``Broken``.

        In a forked child that leaves the parent's end as it is.
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

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the TLS handshake.

        Raises:
            Untrusted: The server's certificate does not verify.
            Broken: The handshake failed otherwise.
        """
        # As bytes: a str would be encoded as an international name, whose codec takes 1.5 ms to
        # import. It is plain ASCII already.
        name = self.endpoint.host.encode("ascii")
        try:
            self._sock = secured = context.wrap_socket(
                self._sock, server_hostname=name, do_handshake_on_connect=False
            )
        except OSError as error:
            # It was reset already. The socket is closed by now.
            raise Broken(f"the connection broke: {_explain(error)}") from None
        await self._do(secured.do_handshake)

    async def exchange(self, request: bytes) -> Response:
        """Send a request and return its response; anything less closes the connection.

        Raises:
            Unanswered: The connection ended before the response began.
            Broken: There was no proper response.
        """
        reader = ResponseReader()
        response: Response | None = None
        try:
            await self._send(request)
            while response is None:
                # Bound to no name, so that no frame of a traceback holds what came.
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
        """Do a socket's operation, waiting for the socket as often as it asks for that."""
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
            # Closed meanwhile, the number may already be another connection's.
            if self._sock.fileno() == descriptor:
                self._unregister(descriptor)

    def _unregister(self, descriptor: int) -> None:
        # In a forked child, the selector is the parent's still.
        if descriptor != -1 and self._pid == os.getpid() and not self._loop.is_closed():
            self._loop.remove_reader(descriptor)
            self._loop.remove_writer(descriptor)


async def connect(
    endpoint: Endpoint, resolver: Resolver, trust: Trust, seconds: float
) -> Connection:
    """Connect within ``seconds`` to whichever of the host's addresses answers.

    Raises:
        Untrusted: The server's certificate does not verify, by all that is trusted.
        Broken: No address can be reached, or the handshake failed.
        ConfigurationError: What is to be trusted cannot be read.
        TimeoutError: It took longer.
    """
    async with asyncio.timeout(seconds):
        lookup = resolver.start(endpoint.host, endpoint.port)
        # Made while the name is being looked up: it takes as long.
        context = trust.context() if endpoint.tls else None
        # Shielded, for others wait for the same.
        addresses = await asyncio.shield(lookup)
        while True:
            connection = await _reach_any(endpoint, addresses, seconds)
            if context is None:
                return connection
            try:
                await connection.start_tls(context)
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
            # One address that swallows everything leaves time for the next.
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
    reason = getattr(error, "reason", None)
    return str(reason or error.strerror or type(error).__name__)
