"""Values through boto3, which moto mocks."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core_backend.errors import ConfigurationError, SecretUnavailableError
from core_backend.sources.endpoints import configured_region
from core_backend.sources.failures import failure_of
from core_backend.sources.protocol import SecretValue
from core_backend.sources.sdk_logs import mask_sdk_logs
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import SecretRequest

__all__ = ["BotoSource"]

_ARN_REGION = re.compile(r"arn:[^:]+:secretsmanager:([a-z0-9-]+):")
# In moto's server mode there is a server, which may not be running.
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
# The stubs know a service for each extra of theirs, and say Unknown of all others.
_sdk: Any = boto3


class BotoSource:
    """Fetches with one boto3 client for each Region, made when it is first needed.

    A call blocks the loop it is made on, which is the private one: with moto in this process it
    takes a millisecond.
    """

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}

    def check(self, request: SecretRequest) -> None:
        """Refuse a request without a Region, and make the client that it needs.

        Here, and not within the fetch: making the first one can take longer than a fetch may.

        Raises:
            ConfigurationError: Neither the id nor the environment names a Region.
        """
        self._client(_region_of(request))

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, once."""
        fetched, error = self._answer(request)
        if fetched is None:
            assert error is not None  # noqa: S101  # one of the two
            # Outside of any except: botocore's error would come along, and its frames hold values.
            raise error
        return fetched

    async def warm(self) -> None:
        """Do nothing: there is nothing to prepare."""

    async def aclose(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _answer(self, request: SecretRequest) -> tuple[SecretValue | None, CoreBackendError | None]:
        try:
            answer = self._client(_region_of(request)).get_secret_value(**request.parameters())
        except ClientError as error:
            found: Any = error.response.get("Error", {})
            return None, failure_of(request, found.get("Code", ""), found.get("Message", ""))
        except BotoCoreError as error:
            return None, SecretUnavailableError(
                f"secret {request.label!r}: moto did not answer ({type(error).__name__}); in its "
                f"server mode, see that the server is running",
                secret_id=request.label,
            )
        version = answer["VersionId"]
        if "SecretBinary" in answer:
            return SecretValue(SecretBytes(answer["SecretBinary"]), version), None
        return SecretValue(SecretText(answer["SecretString"]), version), None

    def _client(self, region: str) -> Any:
        if region not in self._clients:
            self._clients[region] = _sdk.client(
                "secretsmanager", region_name=region, config=_CONFIG
            )
            # Its loggers exist from here on; at DEBUG they would print every answer.
            mask_sdk_logs()
        return self._clients[region]


def _region_of(request: SecretRequest) -> str:
    arn = _ARN_REGION.match(request.secret_id)
    region: str | None = arn[1] if arn else configured_region(os.environ)
    region = region or _sdk.session.Session().region_name
    if region is not None:
        return region
    # Nothing says which: the one that the test's own client was given will do.
    regions = _regions_in_use()
    if len(regions) == 1:
        return regions.pop()
    raise ConfigurationError(
        f"secret {request.label!r}: no Region; Lambda sets AWS_REGION, so a test has to set "
        f"it too, or AWS_DEFAULT_REGION, which boto3 reads as well"
    )


def _regions_in_use() -> set[str]:
    """Return the Regions in which moto, in this process, has been given secrets."""
    # Not above: moto's server may do without moto in this process.
    models = sys.modules.get("moto.secretsmanager.models")
    accounts: Any = {} if models is None else models.secretsmanager_backends
    return {
        region
        for account in accounts.values()
        for region, backend in account.items()
        if backend.secrets
    }
