"""The extension, or the agent, on this machine: as they are documented, and known to answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from support.exchange import read_request
from support.server import Server
from support.vault import Refusal, Vault

if TYPE_CHECKING:
    import asyncio

    from support.exchange import HttpRequest

__all__ = ["ExtensionServer"]

_HEADER = "x-aws-parameters-secrets-token"
_NAMES = {"secretId": "SecretId", "versionId": "VersionId", "versionStage": "VersionStage"}


class ExtensionServer(Server):
    """Serves secrets out of a cache that never expires by itself.

    Args:
        token: What a client has to show.
        agent: Whether it is the Secrets Manager Agent, and not the Lambda extension.
        not_ready: How many requests it turns away before it is ready.
    """

    def __init__(self, token: str, *, agent: bool = False, not_ready: int = 0) -> None:
        super().__init__(None)
        self.token = token
        self.agent = agent
        self.not_ready = not_ready
        self.vault = Vault("eu-central-1")
        self.requests: list[HttpRequest] = []
        self.verbatim: tuple[int, bytes] | None = None
        """What it answers in place of everything else."""
        self._cache: dict[tuple[str, ...], dict[str, object]] = {}

    @property
    def queries(self) -> list[dict[str, str]]:
        """What it was asked for."""
        return [dict(parse_qsl(urlsplit(request.path).query)) for request in self.requests]

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        """Answer each request."""
        while (request := await read_request(reader)) is not None:
            self.requests.append(request)
            status, body = self.verbatim or self._answer(request)
            writer.write(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
            writer.write(body)
            await writer.drain()

    def _answer(self, request: HttpRequest) -> tuple[int, bytes]:
        path, query = urlsplit(request.path).path, dict(parse_qsl(urlsplit(request.path).query))
        if request.headers.get(_HEADER) != self.token:
            return (403, b"Bad Token") if self.agent else (401, b"unauthorized")
        if (request.method, path) != ("GET", "/secretsmanager/get"):
            return 404, b"Not found"
        if self.not_ready:
            self.not_ready -= 1
            if self.agent:
                return 503, b"Serving not enabled. Hit the /start_serving endpoint to enable it."
            return 400, b"not ready to serve traffic, please wait"
        refresh = query.pop("refreshNow", "false") == "true"
        unknown = query.keys() - _NAMES.keys()
        if unknown or (refresh and not self.agent):
            return 400, b"unknown parameter"
        return self._fetch({_NAMES[name]: value for name, value in query.items()}, refresh)

    def _fetch(self, parameters: dict[str, str], refresh: bool) -> tuple[int, bytes]:
        key = tuple(parameters.values())
        try:
            if refresh or key not in self._cache:
                self._cache[key] = self.vault.answer("GetSecretValue", parameters)
        except Refusal as refusal:
            if self.agent:
                told = {"__type": refusal.code, "message": refusal.message}
                return refusal.status, json.dumps(told).encode()
            return 400, b"an unexpected error occurred while executing request"
        answer = self._cache[key]
        if not self.agent:
            both: dict[str, object] = {"SecretBinary": None, "SecretString": None}
            answer = {**both, **answer, "ResultMetadata": {}}
        return 200, json.dumps(answer).encode()
