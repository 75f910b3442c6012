"""The direct source: one signed HTTPS request per fetch, with as little imported as possible.

It starts fastest. ``Endpoints.needs_sdk`` lists what it cannot do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from core_backend.errors import (
    ConfigurationError,
    CoreBackendError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources.answers import read_page, read_value
from core_backend.sources.credentials import CredentialSource, request_body, signed_headers
from core_backend.sources.endpoints import Endpoints
from core_backend.sources.http.connection import Untrusted
from core_backend.sources.http.messages import Broken, request_bytes
from core_backend.sources.http.pool import Pool, TooSlow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources import BatchPage, SecretRequest, SecretValue
    from core_backend.sources.credentials import Credentials
    from core_backend.sources.endpoints import Endpoint
    from core_backend.sources.http.messages import Response

__all__ = ["DirectSource"]

T = TypeVar("T")


class DirectSource:
    """Fetches values over connections of its own.

    Args:
        settings: Timeouts, the number of connections, and how long they are kept.
        environ: Region, endpoint, credentials and certificates. Read again for each fetch.
        clock: Dates the signature, and tells how long a connection was idle.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], clock: Clock) -> None:
        self._settings = settings
        self._environ = environ
        self._clock = clock
        self._endpoints = Endpoints(environ, settings.insecure_endpoint)
        self._credentials = CredentialSource(environ, clock)
        self._pool: Pool | None = None

    @property
    def tls(self) -> str | None:
        """TLS version and cipher of the newest connection; ``None`` if there is none."""
        return None if self._pool is None else self._pool.tls

    def check(self, request: SecretRequest) -> None:
        """Check that Region, endpoint and credentials allow the request.

        Raises:
            ConfigurationError: One of them is missing or wrong.
        """
        self._endpoints.find(request.secret_id)
        self._credentials.check()

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, in one attempt.

        Raises:
            SecretError: One of its subclasses, with a message that says what to do next.
            ConfigurationError: Region, endpoint, credentials or certificates are wrong.
        """
        return await self._call(
            request,
            "GetSecretValue",
            request.parameters(),
            lambda response: read_value(request, response),
        )

    async def fetch_batch(self, requests: Sequence[SecretRequest], token: str | None) -> BatchPage:
        """Fetch one page of values, in one attempt.

        Raises:
            SecretError, ConfigurationError: As in ``fetch``, for the first request.
        """
        parameters: dict[str, object] = {"SecretIdList": [each.secret_id for each in requests]}
        if token is not None:
            parameters["NextToken"] = token
        first = requests[0]
        return await self._call(
            first, "BatchGetSecretValue", parameters, lambda response: read_page(first, response)
        )

    def place(self, request: SecretRequest) -> str:
        """Return the Region of the request."""
        return self._endpoints.find(request.secret_id)[1]

    async def warm(self) -> None:
        """Find the credentials, sign once, and open a connection to the environment's Region."""
        pool = self._open_pool()
        endpoint, region = self._endpoints.find("")
        credentials = await self._credentials.current(pool)
        self._signed_request("GetSecretValue", {}, credentials, endpoint, region)
        await pool.warm(endpoint)

    async def aclose(self) -> None:
        """Close all connections. The source can be used again, on another loop too."""
        pool, self._pool = self._pool, None
        self._credentials.forget()
        if pool is not None:
            pool.close()

    async def _call(
        self,
        request: SecretRequest,
        operation: str,
        parameters: Mapping[str, object],
        read: Callable[[Response], T],
    ) -> T:
        label = request.label
        pool = self._open_pool()
        try:
            endpoint, region = self._endpoints.find(request.secret_id)
            credentials = await self._credentials.current(pool)

            def compose() -> bytes:
                return self._signed_request(operation, parameters, credentials, endpoint, region)

            return await pool.exchange(endpoint, compose, read)
        except Broken as broken:
            raise SecretUnavailableError(
                f"secret {label!r}: {broken}. The network or the service failed; try again later",
                secret_id=label,
            ) from None
        except TooSlow as slow:
            raise SecretTimeoutError(
                f"secret {label!r}: {slow}. A function in a VPC needs a NAT gateway or an "
                f"interface endpoint for Secrets Manager, and port 443 open to it. If the service "
                f"is only slow, raise connect_timeout or read_timeout",
                secret_id=label,
            ) from None
        except Untrusted as untrusted:
            raise ConfigurationError(
                f"secret {label!r}: {untrusted}. The server's certificate does not verify, so "
                f"nothing was sent. If a proxy or an endpoint of your own answers, set "
                f"AWS_CA_BUNDLE to the certificate of its authority"
            ) from None
        except CoreBackendError as error:
            if error.blames_credentials:
                self._credentials.forget()
            raise

    def _open_pool(self) -> Pool:
        if self._pool is None:
            self._pool = Pool(self._settings, self._clock, self._environ)
        return self._pool

    def _signed_request(
        self,
        operation: str,
        parameters: Mapping[str, object],
        credentials: Credentials,
        endpoint: Endpoint,
        region: str,
    ) -> bytes:
        body = request_body(parameters)
        headers = signed_headers(
            credentials,
            operation=operation,
            now=self._clock.wall(),
            host=endpoint.authority,
            region=region,
            body=body,
        )
        headers["user-agent"] = "core_backend"
        return request_bytes("POST", "/", headers, body)
