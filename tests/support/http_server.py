"""A plain HTTP server for what is not Secrets Manager: answers what a test gives it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.exchange import read_request
from support.server import Server

if TYPE_CHECKING:
    import asyncio

    from support.exchange import HttpRequest

__all__ = ["HttpServer"]


class HttpServer(Server):
    """Serves one answer, which may be changed at any time.

    Args:
        answer: The body; what is no bytes is sent as JSON.
    """

    def __init__(self, answer: object) -> None:
        super().__init__(None)
        self.answer = answer
        self.status = 200
        self.requests: list[HttpRequest] = []

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        """Answer each request."""
        while (request := await read_request(reader)) is not None:
            self.requests.append(request)
            answer = self.answer
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            writer.write(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n" % (self.status, len(body)))
            writer.write(body)
            await writer.drain()
