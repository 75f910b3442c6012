"""The SDK's clients: one for each Region, replaced when its connections or credentials are bad."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from core_backend._clock import moment

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from core_backend._clock import Clock, Moment

    Connect = Callable[[str, contextlib.AsyncExitStack], Any]

__all__ = ["Client", "Clients"]


class Client:
    """One client of the SDK, shared by all fetches from its Region.

    Attributes:
        proven: Whether it has returned an answer, so that it may have idle connections.
    """

    def __init__(self, region: str, connect: Connect) -> None:
        self.region = region
        self.proven = False
        self.users = 0
        self.dropped = False
        self.used_at: Moment | None = None
        self._stack = contextlib.AsyncExitStack()
        # A task, so that other fetches share it, and a cancelled one does not end it.
        self.connecting: asyncio.Task[Any] = asyncio.create_task(connect(region, self._stack))

    async def aclose(self) -> None:
        """Close it and its connections."""
        self.connecting.cancel()
        await asyncio.wait([self.connecting])
        await self._stack.aclose()


class Clients:
    """The clients of one event loop.

    Args:
        connect: Makes the client for a Region, and registers it with the given stack to be closed.
        clock: Tells how long a client was idle.
        idle_timeout: Seconds after which idle connections are dropped. The SDK measures them with
            the monotonic clock, which may stop in a freeze, so the wall clock is checked here.
    """

    def __init__(self, connect: Connect, clock: Clock, idle_timeout: float) -> None:
        self._connect = connect
        self._clock = clock
        self._idle_timeout = idle_timeout
        self._current: dict[str, Client] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def lease(self, region: str) -> AsyncGenerator[tuple[Client, Any]]:
        """Lend the Region's client, together with the SDK's own object."""
        client = self._current.get(region)
        if client is None or self._was_frozen(client):
            self.drop(client)
            client = self._current[region] = Client(region, self._connect)
        client.users += 1
        try:
            yield client, await self._wait_for_connection(client)
        finally:
            client.users -= 1
            client.used_at = moment(self._clock)
            self._close_if_done(client)

    def drop(self, client: Client | None) -> None:
        """Lend a client to nobody else, and close it once its last user is done."""
        if client is None or client.dropped:
            return
        client.dropped = True
        if self._current.get(client.region) is client:
            del self._current[client.region]
        self._close_if_done(client)

    def drop_all(self) -> None:
        """Drop every client."""
        for client in list(self._current.values()):
            self.drop(client)

    async def aclose(self) -> None:
        """Close every client, in use or not."""
        clients = list(self._current.values())
        self._current.clear()
        closing = [*self._closing, *(asyncio.create_task(client.aclose()) for client in clients)]
        # A client that fails to close is dropped anyway.
        await asyncio.gather(*closing, return_exceptions=True)

    async def _wait_for_connection(self, client: Client) -> Any:
        try:
            return await asyncio.shield(client.connecting)
        except BaseException:
            if client.connecting.done():  # it failed, and the next fetch makes a new one
                self.drop(client)
            raise

    def _was_frozen(self, client: Client) -> bool:
        if client.users or client.used_at is None:
            return False
        now = moment(self._clock)
        stood = now.monotonic - client.used_at.monotonic < self._idle_timeout
        return stood and now.wall - client.used_at.wall >= self._idle_timeout

    def _close_if_done(self, client: Client) -> None:
        if client.dropped and not client.users:
            closing = asyncio.create_task(client.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
