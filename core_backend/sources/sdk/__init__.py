"""Values through the AWS SDK: profiles, SSO, assumed roles, proxies, and the newest Regions."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

import botocore.exceptions as sdk_errors
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp.abc import AbstractResolver

from core_backend.errors import ConfigurationError
from core_backend.sources import is_answer_to
from core_backend.sources.batching import page_of
from core_backend.sources.endpoints import Endpoints, configured_region, region_of_arn
from core_backend.sources.http.connection import Resolver
from core_backend.sources.http.messages import Broken, Mistaken
from core_backend.sources.sdk.answers import (
    BROKEN,
    SDK_ERRORS,
    ended_unanswered,
    error_for,
    value_in,
    value_or_none,
)
from core_backend.sources.sdk.clients import Clients
from core_backend.sources.sdk_logs import mask_sdk_logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AsyncExitStack

    from aiohttp.abc import ResolveResult

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources import BatchPage, SecretRequest, SecretValue
    from core_backend.sources.sdk.clients import Client

__all__ = ["SdkSource"]

T = TypeVar("T")


class SdkSource:
    """Fetches with aiobotocore, one client for each Region.

    Args:
        settings: Timeouts and the number of connections. The SDK's own retries are off, because
            the engine retries.
        environ: Region and endpoint, which go before the SDK's own configuration.
        clock: Tells how long connections were idle.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], clock: Clock) -> None:
        self._settings = settings
        self._environ = environ
        self._endpoints = Endpoints(environ, settings.insecure_endpoint)
        # The SDK's stubs know the type of a client only with one more package for each service.
        self._session: Any = get_session()
        self._names = _Names()
        self._clients = Clients(self._connect, clock, settings.idle_timeout)
        # Before the first request, because finding credentials may take one.
        mask_sdk_logs()

    def check(self, request: SecretRequest) -> None:
        """Check that there is a Region, and that the endpoint may see the credentials.

        Raises:
            ConfigurationError: One of them is missing or wrong.
        """
        self.place(request)
        self._endpoints.custom()

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, in one attempt.

        Raises:
            SecretError: One of its subclasses, with a message that says what to do next.
            ConfigurationError: Region, endpoint, profile or credentials are wrong.
        """

        async def get(client: Any) -> SecretValue:
            answer = await client.get_secret_value(**request.parameters())
            value = value_in(answer)
            if not is_answer_to(request, answer):
                raise Mistaken
            return value

        return await self._call(request, get)

    async def fetch_batch(self, requests: Sequence[SecretRequest], token: str | None) -> BatchPage:
        """Fetch one page of values, in one attempt.

        Raises:
            SecretError, ConfigurationError: As in ``fetch``, for the first request.
        """
        parameters: dict[str, Any] = {"SecretIdList": [each.secret_id for each in requests]}
        if token is not None:
            parameters["NextToken"] = token

        async def get(client: Any) -> BatchPage:
            return page_of(await client.batch_get_secret_value(**parameters), value_or_none)

        return await self._call(requests[0], get)

    def place(self, request: SecretRequest) -> str:
        """Return the Region of the request."""
        region = self._region(request.secret_id)
        if not region:
            raise ConfigurationError(
                f"secret {request.label!r}: no Region is set; set AWS_REGION (Lambda does), or a "
                f"region in the AWS profile, or ask by the secret's full ARN"
            )
        return region

    async def warm(self) -> None:
        """Make the client for the environment's Region. It opens no connection."""
        async with self._clients.lease(self._region("")):
            pass

    async def aclose(self) -> None:
        """Close the clients and their connections."""
        await self._clients.aclose()

    def _region(self, secret_id: str) -> str:
        """Return the Region of an ARN, of the environment or of the profile; empty without one."""
        of_arn = region_of_arn(secret_id)
        region = of_arn[0] if of_arn else configured_region(self._environ)
        if region:
            return region
        try:
            return str(self._session.get_config_variable("region") or "")
        except sdk_errors.BotoCoreError as error:
            raise ConfigurationError(
                f"the AWS SDK cannot read its configuration ({type(error).__name__}); check "
                f"AWS_PROFILE and the AWS config file"
            ) from None

    async def _call(
        self,
        request: SecretRequest,
        get: Callable[[Any], Awaitable[T]],
        *,
        may_repeat: bool = True,
    ) -> T:
        session = self._session
        client: Client | None = None
        try:
            async with self._clients.lease(self.place(request)) as (client, sdk_client):
                answer = await get(sdk_client)
                client.proven = True
                return answer
        except SDK_ERRORS as error:
            failure = error_for(request, error)
            if failure.blames_credentials:
                self._forget_credentials(session)
            if not (self._has_gone_bad(client, error) and may_repeat):
                raise failure from None
        return await self._call(request, get, may_repeat=False)

    def _has_gone_bad(self, client: Client | None, error: Exception) -> bool:
        """Drop a client whose connections are not to be trusted after ``error``.

        Returns:
            Whether the request is worth repeating at once, because a kept connection was at fault.
        """
        mistaken = isinstance(error, Mistaken)
        if client is None or not (mistaken or (client.proven and isinstance(error, BROKEN))):
            return False
        # The connection most likely ended while idle, and others may have ended with it.
        self._clients.drop(client)
        return client.proven and (mistaken or ended_unanswered(error))

    def _forget_credentials(self, session: Any) -> None:
        # Another task may have replaced the session already.
        if self._session is session:
            self._session = get_session()
            self._clients.drop_all()

    async def _connect(self, region: str, opened: AsyncExitStack) -> Any:
        client = await self._open(region, opened)
        # A profile may set the endpoint too, and only the client has read that.
        url: str = client.meta.endpoint_url
        self._endpoints.check_url(url, "the AWS configuration's endpoint_url")
        if urlsplit(url).scheme == "http" and getproxies().get("http"):
            # Requests to this machine would go to the proxy, with the credentials.
            client = await self._open(region, opened, proxies={})
        mask_sdk_logs()
        return client

    async def _open(self, region: str, opened: AsyncExitStack, **config: Any) -> Any:
        settings = self._settings
        return await opened.enter_async_context(
            self._session.create_client(
                "secretsmanager",
                region_name=region,
                config=AioConfig(
                    connect_timeout=settings.connect_timeout,
                    read_timeout=settings.read_timeout,
                    max_pool_connections=settings.max_connections,
                    # The engine retries, and limits the time.
                    retries={"total_max_attempts": 1},
                    connector_args={
                        "keepalive_timeout": settings.idle_timeout,
                        "resolver": self._names,
                    },
                    **config,
                ),
            )
        )


class _Names(AbstractResolver):
    """Looks names up as the direct source does, so that no look-up delays the process's exit."""

    def __init__(self) -> None:
        self._resolver = Resolver()

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  # the SDK asks for any
    ) -> list[ResolveResult]:
        """Return the addresses of ``host`` in the form that the SDK's HTTP client expects.

        Raises:
            OSError: It has none.
        """
        try:
            # Shielded, because others wait for the same look-up.
            found = await asyncio.shield(self._resolver.start(host, port))
        except Broken as broken:
            raise OSError(str(broken)) from None
        return [
            {
                "hostname": host,
                "host": address[0],
                "port": address[1],
                "family": family,
                "proto": socket.IPPROTO_TCP,
                "flags": socket.AI_NUMERICHOST,
            }
            for family, address in found
        ]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
