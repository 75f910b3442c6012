"""What can go wrong between a client and the service, each as something to put into a script.

A script (``SecretService.script``) is a list of these, one per request; ``None`` serves properly.
Those of ``AtConnect`` are spent by the next connection, the others by the next request.
"""

from __future__ import annotations

import asyncio
import enum
import json
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.exchange import Exchange

    Fault = Callable[[Exchange], Awaitable[None]]

__all__ = [
    "NAMED",
    "AtConnect",
    "Held",
    "body",
    "chunked",
    "close_after",
    "delayed",
    "error",
    "huge",
    "longer_than_told",
    "no_body",
    "non_json",
    "raw",
    "reset",
    "reset_mid_body",
    "reset_mid_header",
    "shorter_than_told",
    "silent",
    "stall",
    "throttled",
    "trickle",
    "truncated",
]


class AtConnect(enum.Enum):
    """Faults of a connection, before any request."""

    REFUSE = "reset as soon as it is accepted"
    BLACK_HOLE = "accepted, then nothing: no TLS handshake"
    CLOSE_AFTER_HANDSHAKE = "handshake, then the end"


# --- answers that are proper HTTP -------------------------------------------------------------


def body(content: bytes, *, status: int = 200) -> Fault:
    """Answer with this body, whatever it is."""

    async def fault(exchange: Exchange) -> None:
        await exchange.send(exchange.head(len(content), status=status) + content)

    return fault


def error(code: str, message: str = "", *, status: int = 400) -> Fault:
    """Answer with an error code, as the service does."""
    return body(json.dumps({"__type": code, "Message": message}).encode(), status=status)


throttled = error("ThrottlingException", "Rate exceeded")


non_json = body(b"<html><body>pl4nted-in-a-page</body></html>")
huge = body(b'{"SecretString": "' + b"pl4nted-huge" * 873_814 + b'"}')
"""10 MiB."""


async def no_body(exchange: Exchange) -> None:
    """Answer 200 and no body at all."""
    await exchange.send(exchange.head(0))


async def chunked(exchange: Exchange) -> None:
    """Answer properly, in chunks of seven bytes."""
    await exchange.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    for start in range(0, len(exchange.body), 7):
        piece = exchange.body[start : start + 7]
        await exchange.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    await exchange.send(b"0\r\n\r\n")


def delayed(seconds: float) -> Fault:
    """Answer properly, but so much later."""

    async def fault(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await exchange.serve()

    return fault


class Held:
    """A proper answer, as it was when the request arrived, kept back until released.

    Args:
        then: What happens on release in place of that answer.
    """

    def __init__(self, then: Fault | None = None) -> None:
        self._then = then
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        self._loop = asyncio.get_running_loop()
        await self._gate.wait()
        await (self._then(exchange) if self._then else exchange.serve())

    def release(self) -> None:
        """Let the answer go; callable from any thread, also before the request has come."""
        if self._loop is None:
            self._gate.set()
        else:
            self._loop.call_soon_threadsafe(self._gate.set)


# --- answers that are not ---------------------------------------------------------------------


def raw(data: bytes) -> Fault:
    """Answer with exactly these bytes, then end the connection."""

    async def fault(exchange: Exchange) -> None:
        await exchange.send(data)
        await exchange.close()

    return fault


async def close_after(exchange: Exchange) -> None:
    """Answer properly, then end the connection without having announced it."""
    await exchange.serve()
    await exchange.close()


async def reset(exchange: Exchange) -> None:
    """Reset the connection instead of answering."""
    exchange.reset()


async def reset_mid_header(exchange: Exchange) -> None:
    """Reset the connection within the header."""
    await exchange.send(exchange.head(len(exchange.body))[:25])
    exchange.reset()


async def reset_mid_body(exchange: Exchange) -> None:
    """Reset the connection within the body."""
    await _half(exchange)
    exchange.reset()


async def truncated(exchange: Exchange) -> None:
    """End the connection properly within the body."""
    await _half(exchange)
    await exchange.close()


async def longer_than_told(exchange: Exchange) -> None:
    """Send more than Content-Length says."""
    await exchange.send(exchange.head(len(exchange.body) - 10) + exchange.body)


async def shorter_than_told(exchange: Exchange) -> None:
    """Send less than Content-Length says, and keep the connection open."""
    await exchange.send(exchange.head(len(exchange.body) + 10) + exchange.body)
    await exchange.until_client_leaves()


async def silent(exchange: Exchange) -> None:
    """Never answer."""
    await exchange.until_client_leaves()


async def stall(exchange: Exchange) -> None:
    """Send the header and never the body."""
    await exchange.send(exchange.head(len(exchange.body)))
    await exchange.until_client_leaves()


def trickle(interval: float = 1.0) -> Fault:
    """Send the header, then one byte of the body every ``interval`` seconds."""

    async def fault(exchange: Exchange) -> None:
        await exchange.send(exchange.head(len(exchange.body)))
        for (byte,) in struct.iter_unpack("c", exchange.body):
            await exchange.send(byte)
            await asyncio.sleep(interval)

    return fault


async def _half(exchange: Exchange) -> None:
    half = exchange.body[: len(exchange.body) // 2]
    await exchange.send(exchange.head(len(exchange.body)) + half)


NAMED: dict[str, Fault | AtConnect | None] = {
    "serve": None,
    "refuse": AtConnect.REFUSE,
    "black-hole": AtConnect.BLACK_HOLE,
    "close-after-handshake": AtConnect.CLOSE_AFTER_HANDSHAKE,
    "throttled": throttled,
    "internal-error": error("InternalServiceError", "An error occurred", status=500),
    "access-denied": error("AccessDeniedException", "not authorized to perform"),
    "expired-token": error("ExpiredTokenException", "The security token is expired"),
    "non-json": non_json,
    "huge": huge,
    "no-body": no_body,
    "chunked": chunked,
    "close-after": close_after,
    "reset": reset,
    "reset-mid-header": reset_mid_header,
    "reset-mid-body": reset_mid_body,
    "truncated": truncated,
    "longer-than-told": longer_than_told,
    "shorter-than-told": shorter_than_told,
    "silent": silent,
    "stall": stall,
    "trickle": trickle(),
}
"""For scripts that are told from outside, to a service in a process of its own."""
