"""A Secrets Manager on this machine: moto's server, for functions in a process of their own."""

from __future__ import annotations

import io
import json
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import Request, urlopen

import boto3
from moto.moto_server.werkzeug_app import (  # pyright: ignore[reportMissingTypeStubs]
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self
    from wsgiref.types import StartResponse, WSGIEnvironment

    from mypy_boto3_secretsmanager import SecretsManagerClient

# The stubs know the services of their installed extras; all others are Unknown.
_sdk: Any = boto3

__all__ = ["MotoCall", "MotoServer"]


class MotoCall(NamedTuple):
    """One call to the server."""

    operation: str
    """Such as ``GetSecretValue``."""
    secret_id: str | None
    """The secret's id in the call; ``None`` where the operation has none."""


class MotoServer:
    """Serves moto's AWS on 127.0.0.1, at a free port; a context manager.

    Everything in it is gone when the block ends. moto keeps one account for the whole process, so
    servers and ``mock_aws`` that are open at the same time share it.

    Args:
        region: The Region of ``env`` and of the client.
    """

    def __init__(self, *, region: str = "us-east-1") -> None:
        self._region = region
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._recorded: list[tuple[float, MotoCall]] = []
        self._clients: list[SecretsManagerClient] = []
        self._server = make_server(
            "127.0.0.1", 0, self._record, threaded=True, request_handler=_Quiet
        )
        self._thread = threading.Thread(
            # Closing takes up to this interval, in seconds.
            target=self._server.serve_forever,
            args=(0.01,),
            name="moto-server",
            daemon=True,
        )

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Forget everything, and stop serving."""
        with urlopen(Request(f"{self.url}/moto-api/reset", method="POST")):  # noqa: S310  # its own
            pass
        for client in self._clients:
            client.close()
        # werkzeug closes the socket at its loop's end.
        self._server.shutdown()
        self._thread.join()

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment variables that lead a function's SDK, and this package, to the server."""
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self._region,
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_SESSION_TOKEN": "testing",
        }

    @property
    def calls(self) -> tuple[MotoCall, ...]:
        """Every call to Secrets Manager until now, in the order they came."""
        return tuple(call for _, call in self._recorded)

    @property
    def call_times(self) -> tuple[float, ...]:
        """When each of ``calls`` came, by ``time.monotonic()``."""
        return tuple(at for at, _ in self._recorded)

    @property
    def fetches(self) -> tuple[str, ...]:
        """The secrets that were fetched until now, one entry for each GetSecretValue."""
        return tuple(
            call.secret_id or "" for call in self.calls if call.operation == "GetSecretValue"
        )

    def client(self) -> SecretsManagerClient:
        """Return a boto3 client of this server's Secrets Manager; it is closed with the server."""
        client: SecretsManagerClient = _sdk.client(
            "secretsmanager",
            region_name=self._region,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106  # moto takes any
        )
        self._clients.append(client)
        return client

    def _record(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
        if service == "secretsmanager":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
            call = MotoCall(operation, json.loads(body).get("SecretId"))
            self._recorded.append((time.monotonic(), call))
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # the base's name
        """Print nothing: a line for each request would bury the test's own lines."""
