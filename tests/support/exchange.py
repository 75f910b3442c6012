"""One request as the service saw it, and the ways to answer."""

from __future__ import annotations

import json
import re
import socket
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

__all__ = ["Call", "Exchange", "HttpRequest", "read_request"]

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/([^,\s]+)")
_PHRASES = {200: "OK", 400: "Bad Request", 500: "Internal Server Error"}


class HttpRequest(NamedTuple):
    """A request, as it came. Never shown: its headers carry the session token."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    def __repr__(self) -> str:
        return f"<HttpRequest {self.method} {self.path}>"


class Call(NamedTuple):
    """One line of the service's log. Holds no value and no token."""

    operation: str
    secret_id: str | None
    version_id: str | None
    stage: str | None
    access_key: str | None
    scope: str | None
    """``date/region/service/aws4_request`` out of the Authorization header."""
    has_token: bool
    connection: int
    """The number of the connection, from 1."""
    nth: int
    """The number of the request on its connection, from 1."""
    secret_ids: tuple[str, ...] = ()
    """What BatchGetSecretValue was asked for."""

    @classmethod
    def of(cls, request: HttpRequest, connection: int, nth: int) -> Call:
        """Describe a request that came as the ``nth`` on a connection."""
        parameters = parameters_of(request)
        credential = _CREDENTIAL.search(request.headers.get("authorization", ""))
        access_key, scope = credential.groups() if credential else (None, None)
        return cls(
            request.headers.get("x-amz-target", "").rpartition(".")[2],
            parameters.get("SecretId"),
            parameters.get("VersionId"),
            parameters.get("VersionStage"),
            access_key,
            scope,
            "x-amz-security-token" in request.headers,
            connection,
            nth,
            tuple(parameters.get("SecretIdList", ())),
        )


def parameters_of(request: HttpRequest) -> dict[str, Any]:
    """Return the request's parameters, or none where its body is not what it should be."""
    try:
        parameters = json.loads(request.body)
    except ValueError:
        return {}
    return parameters if isinstance(parameters, dict) else {}


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """Read the next request; ``None`` when the client is done."""
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return HttpRequest(method, path, headers, body)


class Exchange:
    """A request that waits for its answer. What ``faults.py`` plays with."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        status: int,
        body: bytes,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.status = status
        self.body = body
        """The body of the proper answer."""
        self.number = 0
        """The number of the request on this service."""

    def head(self, length: int, *, status: int | None = None) -> bytes:
        """Return the head of an answer whose body is told to have ``length`` bytes."""
        status = status or self.status
        return (
            f"HTTP/1.1 {status} {_PHRASES.get(status, 'Other')}\r\n"
            f"x-amzn-RequestId: {self.number:08d}-1111-4222-8333-444444444444\r\n"
            f"Content-Type: application/x-amz-json-1.1\r\n"
            f"Content-Length: {length}\r\n"
            f"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
        ).encode()

    async def serve(self) -> None:
        """Answer properly."""
        await self.send(self.head(len(self.body)) + self.body)

    async def send(self, data: bytes) -> None:
        """Send part of an answer."""
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        """End the connection in good order."""
        self._writer.close()

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    @property
    def open(self) -> bool:
        """Whether another request can follow."""
        return not self._writer.is_closing()

    async def until_client_leaves(self) -> None:
        """Wait for the client's end of the connection to close, then close this one."""
        await self._reader.read()
        await self.close()
