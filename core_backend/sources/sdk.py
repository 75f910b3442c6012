"""Values through the AWS SDK: profiles, SSO, assumed roles, proxies, every Region and endpoint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import botocore.exceptions as sdk_errors
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.parsers import ResponseParserError

from core_backend._clock import SystemClock
from core_backend.errors import (
    ConfigurationError,
    SecretError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources.failures import CREDENTIAL_CODES, failure_of
from core_backend.sources.protocol import SecretValue
from core_backend.sources.sdk_clients import Clients
from core_backend.sources.sdk_logs import mask_sdk_logs
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AsyncExitStack

    from core_backend._clock import Clock
    from core_backend._settings import Settings
    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import SecretRequest
    from core_backend.sources.sdk_clients import Client

__all__ = ["SdkSource"]

_ARN_REGION = re.compile(r"arn:[^:]+:secretsmanager:([a-z0-9-]+):")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL")

# In bytes. Source: Secrets Manager user guide, "AWS Secrets Manager quotas".
_LARGEST = 65_536

_TIMEOUTS = (sdk_errors.ConnectTimeoutError, sdk_errors.ReadTimeoutError)
_BROKEN = (
    sdk_errors.HTTPClientError,
    sdk_errors.ConnectionError,
    sdk_errors.ResponseStreamingError,
)
# What a strange body ends in.
_UNREADABLE = (AttributeError, KeyError, ResponseParserError, TypeError, ValueError)
_MISCONFIGURED = (
    sdk_errors.CredentialRetrievalError,
    sdk_errors.NoCredentialsError,
    sdk_errors.PartialCredentialsError,
)


class SdkSource:
    """Fetches with aiobotocore, one client for each Region.

    Args:
        settings: Timeouts and the number of connections. The SDK's own retries are off: retry
            and deadline have one owner.
        environ: Where an endpoint override is looked for, besides the SDK's own configuration.
        clock: Tells how long connections were idle.
    """

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._environ = environ
        # The stubs of the SDK do not know their own client's type without one package each.
        self._session: Any = get_session()
        self._clients = Clients(self._connect, clock or SystemClock(), settings.idle_timeout)
        # Before it says its first word: finding credentials may take a request of its own.
        mask_sdk_logs()

    def check(self, request: SecretRequest) -> None:
        """Refuse a request without a Region, and an endpoint that would see the credentials."""
        self._region(request)
        ignored = self._environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
        for name in () if ignored else _ENDPOINT_VARIABLES:
            _check_endpoint(name, self._environ.get(name))

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, once."""
        fetched, error = await self._answer(request)
        if fetched is None:
            assert error is not None  # noqa: S101  # one of the two
            # Here, outside of any except: the SDK's error would come along as the context, and
            # its frames hold the answer.
            raise error
        return fetched

    async def aclose(self) -> None:
        """Close the clients and their connections."""
        await self._clients.aclose()

    async def _answer(
        self, request: SecretRequest, *, again: bool = False
    ) -> tuple[SecretValue | None, CoreBackendError | None]:
        session = self._session
        client: Client | None = None
        try:
            async with self._clients.lease(self._region(request)) as (client, sdk_client):
                answer = await sdk_client.get_secret_value(**request.parameters())
                client.proven = True
                return _value_of(answer), None
        except (sdk_errors.ClientError, sdk_errors.BotoCoreError, *_UNREADABLE) as error:
            failure = _translated(request, error)
            timed_out, broke = isinstance(error, _TIMEOUTS), isinstance(error, _BROKEN)
        if isinstance(failure, SecretError) and failure.code in CREDENTIAL_CODES:
            self._forget_credentials(session)
        if client is not None and client.proven and (timed_out or broke):
            # Most likely it ended while idle, and the others that idled with it have, too.
            self._clients.drop(client)
            # No attempt is lost to that.
            if not timed_out and not again:
                return await self._answer(request, again=True)
        return None, failure

    def _region(self, request: SecretRequest) -> str:
        arn = _ARN_REGION.match(request.secret_id)
        region = arn[1] if arn else self._session.get_config_variable("region")
        if not region:
            raise ConfigurationError(
                f"secret {request.label!r}: no Region is set; set AWS_REGION (Lambda does), or a "
                f"region in the AWS profile, or ask by the secret's full ARN"
            )
        return str(region)

    def _forget_credentials(self, session: Any) -> None:
        # Others may have come to it before.
        if self._session is session:
            self._session = get_session()
            self._clients.drop_all()

    async def _connect(self, region: str, opened: AsyncExitStack) -> Any:
        client = await self._open(region, opened)
        # Endpoints come from profiles too, which only the client has read.
        url = client.meta.endpoint_url
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
                    connector_args={"keepalive_timeout": settings.idle_timeout},
                    **config,
                ),
            )
        )


def _value_of(answer: dict[str, Any]) -> SecretValue:
    version = answer["VersionId"]
    value = answer.pop("SecretBinary" if "SecretBinary" in answer else "SecretString")
    fetched = SecretBytes(value) if isinstance(value, bytes) else SecretText(_text(value))
    size = len(value if isinstance(value, bytes) else value.encode())
    if not isinstance(version, str) or not 0 < size <= _LARGEST:
        raise TypeError
    return SecretValue(fetched, version)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _translated(request: SecretRequest, error: Exception) -> CoreBackendError:
    label, kind = request.label, type(error).__name__
    if isinstance(error, sdk_errors.ClientError):
        return _refusal(request, error.response)
    if isinstance(error, _MISCONFIGURED):
        return ConfigurationError(
            f"secret {label!r}: the AWS SDK found no usable credentials ({kind}); set AWS_PROFILE, "
            f"or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with aws sso login; on "
            f"Lambda the execution role provides them"
        )
    if isinstance(error, _TIMEOUTS):
        return SecretTimeoutError(
            f"secret {label!r}: the service did not answer in time; see that the function can "
            f"reach it (in a VPC, an interface endpoint or a NAT)",
            secret_id=label,
        )
    if isinstance(error, sdk_errors.BotoCoreError) and not isinstance(error, _BROKEN):
        return ConfigurationError(
            f"secret {label!r}: the AWS SDK cannot make the request ({kind}); check the profile, "
            f"the Region and the endpoint"
        )
    cause = "unreadable answer" if isinstance(error, _UNREADABLE) else kind
    return SecretUnavailableError(
        f"secret {label!r}: the service could not be reached or understood ({cause}); see that "
        f"the function can reach it, and try again",
        secret_id=label,
    )


def _refusal(request: SecretRequest, response: Mapping[str, Any]) -> CoreBackendError:
    error = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return failure_of(
        request, str(error.get("Code", "")), str(error.get("Message", "")), status=status
    )


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
