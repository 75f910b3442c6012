"""A server on loopback, in a thread with an event loop of its own, that counts its connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from support.faults import AtConnect

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Iterator
    from concurrent.futures import Future

__all__ = ["Server"]

_PATIENCE = 60
T = TypeVar("T")


class Server:
    """Listens from ``with`` to its end. Subclasses say what is talked, in ``serve``."""

    def __init__(self, tls: ssl.SSLContext | None, host: str = "127.0.0.1") -> None:
        self.connections = 0
        """How many connections were accepted."""
        self.open_connections = 0
        self.most_open = 0
        """The most connections that were open at once."""
        self.failed_handshakes = 0
        self.host = host
        self.port = 0
        self._tls = tls
        self._changed = threading.Condition()
        self._live: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        """Talk on one connection, the ``number``-th, until it ends."""
        raise NotImplementedError

    def fault_at_connect(self) -> AtConnect | None:
        """Return what is to go wrong with a connection just accepted."""
        return None

    # --- what tests say to it ---------------------------------------------------------------

    def wait_for_open(self, count: int) -> None:
        """Block until ``count`` connections are open, no more and no less."""
        self._wait_until(
            lambda: self.open_connections == count,
            lambda: f"{self.open_connections} connections are open, not {count}",
        )

    def close_connections(self) -> None:
        """End every open connection; return when they are gone."""
        self._run(self._end_connections())

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Stop listening, so that the kernel refuses connections, then listen again."""
        self._run(self._close_listener())
        yield
        self._run(self._listen(self.port))

    def restart(self) -> None:
        """End every connection and listen anew on the same port, as a new process would."""
        with self.refusing():
            self.close_connections()

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen(0))
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close_listener())
        self._run(self._end_connections())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    # --- on its own loop --------------------------------------------------------------------

    def _wait_until(self, reached: Callable[[], bool], explain: Callable[[], str]) -> None:
        with self._changed:
            if not self._changed.wait_for(reached, _PATIENCE):
                raise AssertionError(f"{explain()}, after {_PATIENCE} s")

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(_PATIENCE)

    async def _listen(self, port: int) -> None:
        self._listener = socket.create_server(
            (self.host, port),
            backlog=512,
            family=socket.AF_INET6 if ":" in self.host else socket.AF_INET,
        )
        self._listener.setblocking(False)  # its name says what
        self.port = self._listener.getsockname()[1]
        self._loop.add_reader(self._listener, self._accept)

    async def _close_listener(self) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.close()

    async def _end_connections(self) -> None:
        # A task that is cancelled before its first step would never close its socket.
        await asyncio.sleep(0)
        for task in (live := list(self._live)):
            task.cancel()
        if live:
            await asyncio.wait(live)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # the client has left already
            return
        sock.setblocking(False)
        # asyncio sets it only where the socket tells its protocol; without it, 40 ms an answer.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._connection(sock))
        self._live.add(task)
        task.add_done_callback(self._live.discard)

    async def _connection(self, sock: socket.socket) -> None:
        self.connections += 1
        self._count_open(1)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                fault = self.fault_at_connect()
                if fault is AtConnect.REFUSE or fault is AtConnect.BLACK_HOLE:
                    await self._shun(sock, fault)
                else:
                    await self._talk(sock, self.connections, fault)
        finally:
            self._count_open(-1)

    def _count_open(self, change: int) -> None:
        with self._changed:
            self.open_connections += change
            self.most_open = max(self.most_open, self.open_connections)
            self._changed.notify_all()

    async def _shun(self, sock: socket.socket, fault: AtConnect) -> None:
        with sock:
            if fault is AtConnect.REFUSE:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            while fault is AtConnect.BLACK_HOLE and await self._loop.sock_recv(sock, 65_536):
                pass

    async def _talk(self, sock: socket.socket, number: int, fault: AtConnect | None) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol, sock, ssl=self._tls
            )
        except OSError:
            self.failed_handshakes += 1
            raise
        writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        try:
            if fault is not AtConnect.CLOSE_AFTER_HANDSHAKE:
                await self.serve(reader, writer, number)
        finally:
            # Closing a TLS transport twice detaches it, and abort would do nothing.
            if not transport.is_closing():
                transport.close()
            # Without waiting for the client's goodbye: it may be frozen, or forked.
            transport.abort()
            await writer.wait_closed()
