"""Values through the AWS SDK: profiles, SSO, assumed roles, proxies, every Region and endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore.exceptions as sdk_errors
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from core_backend.errors import (
    ConfigurationError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources.failures import failure_of
from core_backend.sources.protocol import SecretValue
from core_backend.sources.sdk_logs import mask_sdk_logs
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_backend._settings import Settings
    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import SecretRequest

__all__ = ["SdkSource"]

_ARN_REGION = re.compile(r"arn:[^:]+:secretsmanager:([a-z0-9-]+):")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL")

_TIMEOUTS = (sdk_errors.ConnectTimeoutError, sdk_errors.ReadTimeoutError)
_BROKEN = (
    sdk_errors.HTTPClientError,
    sdk_errors.ConnectionError,
    sdk_errors.ResponseStreamingError,
)
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)  # what a strange body ends in
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
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        # The stubs of the SDK do not know their own client's type without one package each.
        self._session: Any = get_session()
        self._stack = contextlib.AsyncExitStack()
        self._clients: dict[str, asyncio.Task[Any]] = {}

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
        connecting = list(self._clients.values())
        self._clients.clear()
        for task in connecting:
            task.cancel()
        await asyncio.gather(*connecting, return_exceptions=True)
        await self._stack.aclose()

    async def _answer(
        self, request: SecretRequest
    ) -> tuple[SecretValue | None, CoreBackendError | None]:
        label = request.label
        try:
            client = await self._client(self._region(request))
            answer = await client.get_secret_value(**request.parameters())
            return _value_of(answer), None
        except sdk_errors.ClientError as error:
            return None, _translated(request, error.response)
        except _MISCONFIGURED as error:
            return None, ConfigurationError(
                f"secret {label!r}: the AWS SDK found no usable credentials "
                f"({type(error).__name__}); set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                f"AWS_SECRET_ACCESS_KEY, or log in with aws sso login; on Lambda the execution "
                f"role provides them"
            )
        except _TIMEOUTS:
            return None, SecretTimeoutError(
                f"secret {label!r}: the service did not answer in time; see that the function "
                f"can reach it (in a VPC, an interface endpoint or a NAT)",
                secret_id=label,
            )
        except _BROKEN as error:
            kind = type(error).__name__
        except sdk_errors.BotoCoreError as error:
            return None, ConfigurationError(
                f"secret {label!r}: the AWS SDK cannot make the request "
                f"({type(error).__name__}); check the profile, the Region and the endpoint"
            )
        except _UNREADABLE:
            kind = "unreadable answer"
        return None, SecretUnavailableError(
            f"secret {label!r}: the service could not be reached or understood ({kind}); "
            f"see that the function can reach it, and try again",
            secret_id=label,
        )

    def _region(self, request: SecretRequest) -> str:
        arn = _ARN_REGION.match(request.secret_id)
        region = arn[1] if arn else self._session.get_config_variable("region")
        if not region:
            raise ConfigurationError(
                f"secret {request.label!r}: no Region is set; set AWS_REGION (Lambda does), or a "
                f"region in the AWS profile, or ask by the secret's full ARN"
            )
        return str(region)

    async def _client(self, region: str) -> Any:
        # A task, so that those who ask meanwhile share one client, and one who is cancelled
        # leaves it to the others.
        if region not in self._clients:
            self._clients[region] = asyncio.create_task(self._connect(region))
        task = self._clients[region]
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done():  # it failed; whoever comes next tries anew
                self._clients.pop(region, None)
            raise

    async def _connect(self, region: str) -> Any:
        config = AioConfig(
            connect_timeout=self._settings.connect_timeout,
            read_timeout=self._settings.read_timeout,
            max_pool_connections=self._settings.max_connections,
            retries={"total_max_attempts": 1},
            connector_args={"keepalive_timeout": self._settings.idle_timeout},
        )
        client = await self._stack.enter_async_context(
            self._session.create_client("secretsmanager", region_name=region, config=config)
        )
        # The SDK's loggers exist from here on; at DEBUG they would print every answer.
        mask_sdk_logs()
        # Endpoints come from profiles too, which only the client has read.
        _check_endpoint("the AWS configuration's endpoint_url", client.meta.endpoint_url)
        return client


def _value_of(answer: dict[str, Any]) -> SecretValue:
    version = str(answer["VersionId"])
    if "SecretBinary" in answer:
        return SecretValue(SecretBytes(answer.pop("SecretBinary")), version)
    text = answer.pop("SecretString")
    if not isinstance(text, str):
        raise TypeError
    return SecretValue(SecretText(text), version)


def _translated(request: SecretRequest, response: Mapping[str, Any]) -> CoreBackendError:
    error = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return failure_of(
        request, str(error.get("Code", "")), str(error.get("Message", "")), status=status
    )


def _check_endpoint(origin: str, url: str | None) -> None:
    if not url:
        return
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ConfigurationError(
            f"{origin} is {url!r}: over plain http the credentials could be read on the way; use "
            f"https, or an address of this machine"
        )
