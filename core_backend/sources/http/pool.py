"""Connections that are kept for the next request. The limits hold for each endpoint by itself."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, TypeVar

from core_backend._clock import age, moment
from core_backend.sources.http.connection import Resolver, Untrusted, connect
from core_backend.sources.http.messages import Broken, Mistaken, Unanswered
from core_backend.sources.http.tls import Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources.endpoints import Endpoint
    from core_backend.sources.http.connection import Connection
    from core_backend.sources.http.messages import Response

__all__ = ["Pool", "TooSlow"]

T = TypeVar("T")

# A handshake takes processor time. With more than a few at once each of them ends later, and by
# then the first connections are free again.
_MAX_DIALS = 4
# A handshake takes almost a millisecond of processor time: that much while a function starts, and
# fourteen milliseconds in an invocation at 128 MB. Most handlers read three secrets or fewer.
_WARM = 3


class TooSlow(Exception):  # noqa: N818  # what the service was
    """Connecting, or the answer, took longer than the settings allow."""


class Pool:
    """Connections on one event loop, to any number of endpoints.

    Args:
        settings: How many connections to an endpoint, how long they may idle, how long to wait.
        clock: Tells how long a connection was idle. The environment may have been frozen.
        environ: Says whom to trust.
    """

    def __init__(self, settings: Settings, clock: Clock, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._clock = clock
        self._trust = Trust(environ)
        self._resolver = Resolver()
        self._lanes: dict[Endpoint, _Lane] = {}
        self._closed = False

    @property
    def tls(self) -> str | None:
        """TLS version and cipher of the newest connection; ``None`` before the first."""
        return self._trust.agreed

    async def exchange(
        self, endpoint: Endpoint, compose: Callable[[], bytes], read: Callable[[Response], T]
    ) -> T:
        """Send a request and return what ``read`` makes of the response.

        A kept connection may turn out to be dead, or may deliver the answer to another request.
        Then the request is sent again at once, on a new connection.

        Args:
            endpoint: Where the request is sent.
            compose: Returns the request. Called once there is a connection for it, which may take
                a while.
            read: Called with the response. It raises ``Mistaken`` if that answers another request.

        Raises:
            Untrusted: The server's certificate does not verify.
            Broken: The connection failed.
            TooSlow: Connecting or the answer took too long.
            ConfigurationError: The certificates to trust cannot be read.
        """
        lane = self._lane(endpoint)
        try:
            connection = await lane.acquire()
            if connection.idle_since is not None:
                try:
                    return await self._use(lane, connection, compose, read)
                except (Unanswered, Mistaken):
                    # The second try is below, so that its failure does not carry this one.
                    pass
                connection = await lane.acquire(new=True)
            return await self._use(lane, connection, compose, read)
        except (Broken, TooSlow, Untrusted) as error:
            raise type(error)(f"{endpoint.authority}: {error}") from None

    async def warm(self, endpoint: Endpoint) -> None:
        """Open a few connections and keep them idle for the next requests.

        This does nothing if a connection to the endpoint is open or being opened.

        Raises:
            Untrusted, Broken, TooSlow, ConfigurationError: As in ``exchange``.
        """
        lane = self._lane(endpoint)
        if not lane.is_empty():
            return
        for _ in range(min(_WARM, self._settings.max_connections)):
            lane.release(await lane.acquire(new=True))

    def close(self) -> None:
        """Close all connections. Tasks that still wait for one get ``Broken``."""
        self._closed = True
        for lane in self._lanes.values():
            lane.close()

    async def _use(
        self,
        lane: _Lane,
        connection: Connection,
        compose: Callable[[], bytes],
        read: Callable[[Response], T],
    ) -> T:
        seconds = self._settings.read_timeout
        try:
            async with asyncio.timeout(seconds):
                response = await connection.exchange(compose())
            return read(response)
        except TimeoutError:
            # If one connection died without a word, the others that were idle may have, too.
            lane.close_idle()
            raise TooSlow(f"no answer within {seconds:g} s") from None
        except Mistaken:
            connection.close()
            raise
        finally:
            lane.release(connection)

    def _lane(self, endpoint: Endpoint) -> _Lane:
        if self._closed:
            raise Broken(f"{endpoint.authority}: the connection was closed")
        lane = self._lanes.get(endpoint)
        if lane is None:
            lane = self._lanes[endpoint] = _Lane(
                endpoint, self._settings, self._clock, self._resolver, self._trust
            )
        return lane


class _Lane:
    """The connections to one endpoint. No other endpoint can use up what is allowed here."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: Settings,
        clock: Clock,
        resolver: Resolver,
        trust: Trust,
    ) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._clock = clock
        self._resolver = resolver
        self._trust = trust
        self._idle: list[Connection] = []
        """The one used last is last."""
        self._busy: set[Connection] = set()
        self._dials = 0
        self._waiters: collections.deque[asyncio.Future[None]] = collections.deque()
        self._closed = False

    def is_empty(self) -> bool:
        """Return whether no connection is open, or being opened."""
        return not (self._idle or self._busy or self._dials)

    async def acquire(self, *, new: bool = False) -> Connection:
        """Return a connection that nobody else uses; wait for one if there are too many.

        Args:
            new: Whether it must not be one that was used before.
        """
        while True:
            if self._closed:
                raise Broken("the connection was closed")
            if not new and (connection := self._take_idle()):
                self._busy.add(connection)
                return connection
            if self._dials < _MAX_DIALS and self._has_room():
                return await self._dial()
            await self._wait_for_turn()

    def release(self, connection: Connection) -> None:
        """Keep a connection for the next request, unless it is closed."""
        self._busy.discard(connection)
        if self._closed:
            connection.close()
        if not connection.closed:
            connection.idle_since = moment(self._clock)
            self._idle.append(connection)
        self._wake_one()

    def close_idle(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Close every connection. Tasks that still wait for one get ``Broken``."""
        self._closed = True
        self.close_idle()
        for connection in self._busy:
            connection.close()
        while self._waiters:
            self._wake_one()

    async def _dial(self) -> Connection:
        self._dials += 1
        seconds = self._settings.connect_timeout
        try:
            connection = await connect(self._endpoint, self._resolver, self._trust, seconds)
        except TimeoutError:
            self._resolver.forget(self._endpoint.host, self._endpoint.port)
            raise TooSlow(f"no connection within {seconds:g} s") from None
        finally:
            self._dials -= 1
            self._wake_one()
        self._busy.add(connection)
        if self._closed:
            self.release(connection)
            raise Broken("the connection was closed")
        return connection

    def _take_idle(self) -> Connection | None:
        now = moment(self._clock)
        while self._idle:
            connection = self._idle.pop()
            since = connection.idle_since or now
            if age(since, now) < self._settings.idle_timeout and connection.is_quiet():
                return connection
            connection.close()
        return None

    def _has_room(self) -> bool:
        """Return whether one more may be opened. If an idle one is in the way, it is closed."""
        most = self._settings.max_connections
        if len(self._busy) + self._dials >= most:
            return False
        if len(self._busy) + self._dials + len(self._idle) >= most:
            self._idle.pop(0).close()
        return True

    async def _wait_for_turn(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                # It was this one's turn already: pass it on.
                self._wake_one()
            raise

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
