"""Where to connect to, and what to ask there."""

from __future__ import annotations

import socket

from core_backend.sources.endpoints import Endpoint
from core_backend.sources.http.connection import Resolver
from core_backend.sources.http.messages import request_bytes

# More than any connection takes on a busy machine.
SECONDS = 60
NAME = "service.example"
ASK = request_bytes("POST", "/", {"host": "a"}, b"{}")


def at(server, host="127.0.0.1", *, tls=True):
    return Endpoint(host, server.port, tls=tls)


def answering(*addresses):
    """Return a resolver that knows one name, of these addresses."""
    return Resolver(lambda *_, **__: [(*address[0], address[1]) for address in addresses])


def address(host, port, family=socket.AF_INET):
    return ((family, socket.SOCK_STREAM, 6, ""), (host, port))
