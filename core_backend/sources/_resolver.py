"""Addresses of host names, without the loop's executor.

The executor's threads are joined at interpreter exit, so a resolver that gets no answer would hold
up the exit for as long as it waits, and importing it costs a cold start. A daemon thread holds up
nothing. Connections that open together to one host share a look-up.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from core_backend.sources._http import Broken

if TYPE_CHECKING:
    from collections.abc import Callable

    Address = tuple[socket.AddressFamily, tuple[Any, ...]]

__all__ = ["Resolver"]


class Resolver:
    """Looks names up, each by one thread at a time.

    Args:
        getaddrinfo: The look-up itself, as ``socket.getaddrinfo``, run in a thread.
    """

    def __init__(self, getaddrinfo: Callable[..., list[Any]] = socket.getaddrinfo) -> None:
        self._getaddrinfo = getaddrinfo
        self._pending: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}

    def forget(self) -> None:
        """Let the next connection look its host up anew, whatever a thread still waits for."""
        self._pending.clear()

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
        thread.start()
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
