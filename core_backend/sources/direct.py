"""The direct source: one signed HTTPS request for a fetch, with nothing else imported.

This is what starts fast. What it cannot do (``endpoints.needs_sdk``) is the SDK's to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from core_backend.errors import (
    ConfigurationError,
    CoreBackendError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources.answers import understand, understand_page
from core_backend.sources.credentials import CredentialSource
from core_backend.sources.endpoints import endpoint_for
from core_backend.sources.http.connection import Untrusted
from core_backend.sources.http.messages import Broken, request_bytes
from core_backend.sources.http.pool import Pool, TooSlow
from core_backend.sources.sigv4 import request_body, signed_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources.credentials import Credentials
    from core_backend.sources.endpoints import Endpoint
    from core_backend.sources.http.messages import Response
    from core_backend.sources.protocol import BatchPage, SecretRequest, SecretValue

__all__ = ["DirectSource"]

T = TypeVar("T")


class DirectSource:
    """Fetches values over connections of its own.

    Args:
        settings: Timeouts, and how many connections are kept and how long.
        environ: Region, endpoint, credentials and certificates; read anew for each fetch.
        clock: Dates the signature, and tells how long a connection was idle.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], clock: Clock) -> None:
        self._settings = settings
        self._environ = environ
        self._clock = clock
        self._credentials = CredentialSource(environ, clock)
        self._pool: Pool | None = None

    def check(self, request: SecretRequest) -> None:
        """Refuse what cannot be fetched as the environment is: Region, endpoint, credentials."""
        try:
            endpoint_for(request.secret_id, self._environ)
            self._credentials.check()
        except ConfigurationError as error:
            wrong = error.fresh()
        else:
            return
        # Raised here, where no frame of its traceback holds the environment.
        raise wrong

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, in one attempt.

        Raises:
            SecretError: One of its subclasses, with a message that says what to do next.
            ConfigurationError: Region, endpoint, credentials or certificates are wrong.
        """
        attempt = self._attempt(request, "GetSecretValue", request.parameters(), understand)
        return _given(await self._outcome(request, attempt))

    async def fetch_batch(self, requests: Sequence[SecretRequest], token: str | None) -> BatchPage:
        """Fetch one page of values, in one attempt. Raises what ``fetch`` does."""
        parameters: dict[str, object] = {"SecretIdList": [each.secret_id for each in requests]}
        if token is not None:
            parameters["NextToken"] = token
        first = requests[0]
        attempt = self._attempt(first, "BatchGetSecretValue", parameters, understand_page)
        return _given(await self._outcome(first, attempt))

    def place(self, request: SecretRequest) -> str:
        """Return the Region it is asked for in."""
        return endpoint_for(request.secret_id, self._environ)[1]

    async def warm(self) -> None:
        """Find the credentials, sign once, and open a connection to the environment's endpoint."""
        pool = self._open_pool()
        endpoint, region = endpoint_for("", self._environ)
        credentials = await self._credentials.current(pool)
        self._signed_request("GetSecretValue", {}, credentials, endpoint, region)
        await pool.warm(endpoint)

    async def aclose(self) -> None:
        """Close all connections. The source can be used again, on another loop too."""
        self.abandon()

    def abandon(self) -> None:
        """Close all connections without the loop, as a forked child has to.

        Sends nothing: what the parent shares with the child goes on.
        """
        pool, self._pool = self._pool, None
        self._credentials.forget()
        if pool is not None:
            pool.close()

    async def _outcome(
        self, request: SecretRequest, attempt: Coroutine[Any, Any, T | CoreBackendError]
    ) -> T | CoreBackendError:
        label = request.label
        try:
            outcome = await attempt
        except Broken as broken:
            return SecretUnavailableError(
                f"secret {label!r}: {broken}. The network or the service failed; try again later",
                secret_id=label,
            )
        except TooSlow as slow:
            return SecretTimeoutError(
                f"secret {label!r}: {slow}. A function in a VPC needs a NAT gateway or an "
                f"interface endpoint for Secrets Manager, open to it on port 443; where the "
                f"service is only slow, raise connect_timeout or read_timeout",
                secret_id=label,
            )
        except Untrusted as untrusted:
            return ConfigurationError(
                f"secret {label!r}: {untrusted}. The server's certificate does not verify, so "
                f"nothing was sent; where a proxy or an endpoint of your own answers, set "
                f"AWS_CA_BUNDLE to its authority's certificate"
            )
        except ConfigurationError as error:
            return error.fresh()
        if isinstance(outcome, CoreBackendError) and outcome.blames_credentials:
            self._credentials.forget()
        return outcome

    async def _attempt(
        self,
        request: SecretRequest,
        operation: str,
        parameters: Mapping[str, object],
        understood: Callable[[SecretRequest, Response], T | CoreBackendError],
    ) -> T | CoreBackendError:
        pool = self._open_pool()
        endpoint, region = endpoint_for(request.secret_id, self._environ)
        credentials = await self._credentials.current(pool)

        def compose() -> bytes:
            return self._signed_request(operation, parameters, credentials, endpoint, region)

        return understood(request, await pool.exchange(endpoint, compose))

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


def _given(outcome: T | CoreBackendError) -> T:
    if isinstance(outcome, CoreBackendError):
        # Raised here, and as new, so that its traceback leads to no frame that held the answer,
        # the request or the environment.
        raise outcome
    return outcome
