"""Values through the AWS SDK: profiles, SSO, assumed roles, proxies, every Region and endpoint."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

import botocore.exceptions as sdk_errors
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp.abc import AbstractResolver

from core_backend._clock import SystemClock
from core_backend.errors import ConfigurationError
from core_backend.sources.batching import page_of
from core_backend.sources.endpoints import configured_region
from core_backend.sources.http.connection import Resolver
from core_backend.sources.http.messages import Broken
from core_backend.sources.sdk.answers import (
    BROKEN,
    TIMEOUTS,
    UNREADABLE,
    ended_unanswered,
    readable,
    translated,
    value_of,
)
from core_backend.sources.sdk.clients import Clients
from core_backend.sources.sdk_logs import mask_sdk_logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AsyncExitStack

    from aiohttp.abc import ResolveResult

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import BatchPage, SecretRequest, SecretValue
    from core_backend.sources.sdk.clients import Client

__all__ = ["SdkSource"]

T = TypeVar("T")

_ARN_REGION = re.compile(r"arn:[^:]+:secretsmanager:([a-z0-9-]+):")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL")


class SdkSource:
    """Fetches with aiobotocore, one client for each Region.

    Args:
        settings: Timeouts and the number of connections. The SDK's own retries are off: retry
            and deadline have one owner.
        environ: Where a Region and an endpoint override are looked for, before the SDK's own
            configuration.
        clock: Tells how long connections were idle.
    """

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._environ = environ
        # The stubs of the SDK do not know their own client's type without one package each.
        self._session: Any = get_session()
        self._names = _Names()
        self._clients = Clients(self._connect, clock or SystemClock(), settings.idle_timeout)
        # Before it says its first word: finding credentials may take a request of its own.
        mask_sdk_logs()

    def check(self, request: SecretRequest) -> None:
        """Refuse a request without a Region, and an endpoint that would see the credentials."""
        self.place(request)
        ignored = self._environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
        for name in () if ignored else _ENDPOINT_VARIABLES:
            _check_endpoint(name, self._environ.get(name))

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, once."""

        async def get(client: Any) -> SecretValue:
            return value_of(await client.get_secret_value(**request.parameters()))

        return await self._asked(request, get)

    async def fetch_batch(self, requests: Sequence[SecretRequest], token: str | None) -> BatchPage:
        """Fetch one page of values, once."""
        parameters: dict[str, Any] = {"SecretIdList": [each.secret_id for each in requests]}
        if token is not None:
            parameters["NextToken"] = token

        async def get(client: Any) -> BatchPage:
            return page_of(await client.batch_get_secret_value(**parameters), readable)

        return await self._asked(requests[0], get)

    def place(self, request: SecretRequest) -> str:
        """Return the Region it is asked for in."""
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
        """Return the Region of an ARN, or the configured one; empty where there is none."""
        arn = _ARN_REGION.match(secret_id)
        region = arn[1] if arn else configured_region(self._environ)
        # What is left to the SDK is the profile.
        return str(region or self._session.get_config_variable("region") or "")

    async def _asked(self, request: SecretRequest, get: Callable[[Any], Awaitable[T]]) -> T:
        answer, error = await self._answer(request, get)
        if answer is None:
            assert error is not None  # noqa: S101  # one of the two
            # Here, outside of any except: the SDK's error would come along as the context, and
            # its frames hold the answer.
            raise error
        return answer

    async def _answer(
        self, request: SecretRequest, get: Callable[[Any], Awaitable[T]], *, again: bool = False
    ) -> tuple[T | None, CoreBackendError | None]:
        session = self._session
        client: Client | None = None
        try:
            async with self._clients.lease(self.place(request)) as (client, sdk_client):
                answer = await get(sdk_client)
                client.proven = True
                return answer, None
        except (sdk_errors.ClientError, sdk_errors.BotoCoreError, *UNREADABLE) as error:
            failure = translated(request, error)
            broke, unanswered = isinstance(error, (*TIMEOUTS, *BROKEN)), ended_unanswered(error)
        if failure.blames_credentials:
            self._forget_credentials(session)
        if client is not None and client.proven and broke:
            # Most likely it ended while idle, and the others that idled with it have, too.
            self._clients.drop(client)
            # No attempt is lost to that.
            if unanswered and not again:
                return await self._answer(request, get, again=True)
        return None, failure

    def _forget_credentials(self, session: Any) -> None:
        # Others may have come to it before.
        if self._session is session:
            self._session = get_session()
            self._clients.drop_all()

    async def _connect(self, region: str, opened: AsyncExitStack) -> Any:
        client = await self._open(region, opened)
        # Endpoints come from profiles too, which only the client has read.
        url: str | None = client.meta.endpoint_url
        _check_endpoint("the AWS configuration's endpoint_url", url)
        if urlsplit(url).scheme == "http" and getproxies().get("http"):
            # What is meant for this machine would go to the proxy, credentials and all.
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
                    # Retry and deadline have one owner, and it is not the SDK.
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
    """Looks names up as the direct source does, for the sake of the interpreter's exit."""

    def __init__(self) -> None:
        self._resolver = Resolver()

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  # the SDK asks for any
    ) -> list[ResolveResult]:
        """Return where ``host`` can be reached, as the SDK's HTTP client wants it."""
        try:
            # Shielded, for others wait for the same.
            found = await asyncio.shield(self._resolver.start(host, port))
        except Broken as broken:
            raise OSError(str(broken)) from None
        return [
            {
                "hostname": host,
                "host": address[0],
                "port": port,
                "family": family,
                "proto": socket.IPPROTO_TCP,
                "flags": socket.AI_NUMERICHOST,
            }
            for family, address in found
        ]

    async def close(self) -> None:
        """Do nothing: it holds nothing."""


def _check_endpoint(origin: str, url: str | None) -> None:
    if not url:
        return
    parts = urlsplit(url)
    allowed = ("https", "http") if parts.hostname in _LOOPBACK else ("https",)
    if parts.scheme not in allowed:
        raise ConfigurationError(
            f"{origin} is {url!r}: over plain http the credentials could be read on the way; use "
            f"https, or an address of this machine"
        )
