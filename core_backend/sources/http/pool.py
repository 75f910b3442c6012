"""The connections: kept for the next request, never more than so many, never a dead one twice."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING

from core_backend._clock import age, moment
from core_backend.sources.http.connection import Resolver, Untrusted, connect
from core_backend.sources.http.messages import Broken, Unanswered
from core_backend.sources.http.tls import Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core_backend._clock import Clock, Moment
    from core_backend._configuration import Settings
    from core_backend.sources.endpoints import Endpoint
    from core_backend.sources.http.connection import Connection
    from core_backend.sources.http.messages import Response

__all__ = ["Pool", "TooSlow"]

# Handshakes take processor time, so of more than a few at once each would only be finished later;
# meanwhile the first connections are free again for those who wait.
_MAX_DIALS = 4


class TooSlow(Exception):  # noqa: N818  # what the service was
    """Connecting, or the answer, took longer than the settings allow."""


class Pool:
    """Connections on one event loop, to any number of endpoints.

    Args:
        settings: How many, how long idle, how long to wait.
        clock: Tells how long a connection was idle; an environment may have been frozen.
        environ: Says whom to trust.
    """

    def __init__(self, settings: Settings, clock: Clock, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._clock = clock
        self._trust = Trust(environ)
        self._resolver = Resolver()
        self._idle: list[Connection] = []
        """The one used last is last."""
        self._busy: set[Connection] = set()
        self._dials = 0
        self._waiters: collections.deque[asyncio.Future[None]] = collections.deque()
        self._closed = False

    async def exchange(self, endpoint: Endpoint, compose: Callable[[], bytes]) -> Response:
        """Send a request and return its response.

        The request is composed when there is a connection to send it on, which may take a while.

        A connection that was used before may have been ended meanwhile: where it ends before an
        answer begins, there is a second try at once, on a new one.

        Raises:
            Untrusted: The server's certificate does not verify.
            Broken: The connection failed.
            TooSlow: Connecting or the answer took too long.
            ConfigurationError: What is to be trusted cannot be read.
        """
        try:
            return await self._exchange(endpoint, compose)
        except (Broken, TooSlow, Untrusted) as error:
            raise type(error)(f"{endpoint.authority}: {error}") from None

    async def warm(self, endpoint: Endpoint) -> None:
        """Open one connection and keep it idle for the next request.

        Does nothing where a connection to the endpoint is open or being opened.

        Raises:
            What ``exchange`` raises.
        """
        open_ones = (*self._idle, *self._busy)
        if not self._dials and all(each.endpoint != endpoint for each in open_ones):
            self._release(await self._dial(endpoint))

    def close(self) -> None:
        """Close all connections; what still waits gets ``Broken``."""
        self._closed = True
        for connection in (*self._idle, *self._busy):
            connection.close()
        self._idle.clear()
        while self._waiters:
            self._wake_one()

    async def _exchange(self, endpoint: Endpoint, compose: Callable[[], bytes]) -> Response:
        connection = await self._acquire(endpoint)
        if connection.idle_since is not None:
            try:
                return await self._use(connection, compose)
            except Unanswered:
                # Below, so that the second failure does not carry the first.
                pass
            connection = await self._acquire(endpoint, new=True)
        return await self._use(connection, compose)

    async def _use(self, connection: Connection, compose: Callable[[], bytes]) -> Response:
        try:
            async with asyncio.timeout(self._settings.read_timeout):
                return await connection.exchange(compose())
        except TimeoutError:
            # Where one is dead without a word, those that idled with it may be too.
            self._close_idle(connection.endpoint)
            raise TooSlow(f"no answer within {self._settings.read_timeout:g} s") from None
        finally:
            self._release(connection)

    async def _acquire(self, endpoint: Endpoint, *, new: bool = False) -> Connection:
        while True:
            if self._closed:
                raise Broken("the connection was closed")
            if not new and (connection := self._take_idle(endpoint)):
                self._busy.add(connection)
                return connection
            if self._dials < _MAX_DIALS and self._has_room():
                return await self._dial(endpoint)
            await self._turn()

    async def _dial(self, endpoint: Endpoint) -> Connection:
        self._dials += 1
        seconds = self._settings.connect_timeout
        try:
            connection = await connect(endpoint, self._resolver, self._trust, seconds)
        except TimeoutError:
            self._resolver.forget()
            raise TooSlow(f"no connection within {seconds:g} s") from None
        finally:
            self._dials -= 1
            self._wake_one()
        self._busy.add(connection)
        if self._closed:
            self._release(connection)
            raise Broken("the connection was closed")
        return connection

    def _take_idle(self, endpoint: Endpoint) -> Connection | None:
        now = moment(self._clock)
        for connection in self._idle[::-1]:
            if connection.endpoint == endpoint:
                self._idle.remove(connection)
                if not self._is_old(connection, now) and connection.is_quiet():
                    return connection
                connection.close()
        return None

    def _has_room(self) -> bool:
        """Return whether one more may be opened; an idle one to elsewhere makes room for it."""
        most = self._settings.max_connections
        if len(self._busy) + self._dials >= most:
            return False
        if len(self._busy) + self._dials + len(self._idle) >= most:
            self._idle.pop(0).close()
        return True

    async def _turn(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                # It was this one's turn already: let the next have it.
                self._wake_one()
            raise

    def _release(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if self._closed:
            connection.close()
        if not connection.closed:
            connection.idle_since = moment(self._clock)
            self._idle.append(connection)
        self._wake_one()

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _close_idle(self, endpoint: Endpoint) -> None:
        for connection in [c for c in self._idle if c.endpoint == endpoint]:
            self._idle.remove(connection)
            connection.close()

    def _is_old(self, connection: Connection, now: Moment) -> bool:
        since = connection.idle_since
        assert since is not None  # noqa: S101  # only idle ones are asked about
        return age(since, now) >= self._settings.idle_timeout
