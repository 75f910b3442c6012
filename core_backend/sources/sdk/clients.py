"""The SDK's clients: one for each Region, replaced when what they hold has gone bad."""

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
    """One client of the SDK, shared by all who fetch from its Region.

    Attributes:
        proven: Whether it has brought an answer, so that connections may be idle in it.
    """

    def __init__(self, region: str, connect: Connect) -> None:
        self.region = region
        self.proven = False
        self.users = 0
        self.dropped = False
        self.used_at: Moment | None = None
        self._stack = contextlib.AsyncExitStack()
        # A task, so that those who ask meanwhile share it, and one who is cancelled leaves it to
        # the others.
        self.connecting: asyncio.Task[Any] = asyncio.create_task(connect(region, self._stack))

    async def aclose(self) -> None:
        """Close it and its connections."""
        self.connecting.cancel()
        await asyncio.wait([self.connecting])
        await self._stack.aclose()


class Clients:
    """The clients in use, on one event loop.

    Args:
        connect: Makes the client for a Region, to be closed by the stack it is given.
        clock: Tells how long a client was idle.
        idle_timeout: After how many seconds connections count as dead. The SDK sees to that by
            the monotonic clock, which can stand still in a freeze; here the wall clock is.
    """

    def __init__(self, connect: Connect, clock: Clock, idle_timeout: float) -> None:
        self._connect = connect
        self._clock = clock
        self._idle_timeout = idle_timeout
        self._current: dict[str, Client] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def lease(self, region: str) -> AsyncGenerator[tuple[Client, Any]]:
        """Hand out the Region's client, and what the SDK calls one."""
        client = self._current.get(region)
        if client is None or self._was_frozen(client):
            self.drop(client)
            client = self._current[region] = Client(region, self._connect)
        client.users += 1
        try:
            yield client, await self._connected(client)
        finally:
            client.users -= 1
            client.used_at = moment(self._clock)
            self._close_if_done(client)

    def drop(self, client: Client | None) -> None:
        """Let nobody else have it; it is closed when the last of its users is done."""
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
        # Whatever fails to close is being dropped all the same.
        await asyncio.gather(*closing, return_exceptions=True)

    async def _connected(self, client: Client) -> Any:
        try:
            return await asyncio.shield(client.connecting)
        except BaseException:
            if client.connecting.done():  # it failed; whoever comes next tries anew
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
