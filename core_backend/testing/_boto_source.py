"""The source of secrets while moto is active: boto3, which moto mocks."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core_backend.errors import ConfigurationError, SecretNotFoundError, SecretUnavailableError
from core_backend.sources import SecretValue
from core_backend.sources.endpoints import configured_region, region_of_arn
from core_backend.sources.failures import failure_of
from core_backend.sources.sdk_logs import mask_sdk_logs
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from core_backend.errors import CoreBackendError
    from core_backend.sources import SecretRequest

__all__ = ["BotoSource"]

# In moto's server mode, the server may not be running.
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
# The stubs know the services of their installed extras; all others are Unknown.
_sdk: Any = boto3


class BotoSource:
    """Fetches with one boto3 client for each Region, made when it is first needed.

    A call blocks the private loop. With moto in this process it takes a millisecond.
    """

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}

    def check(self, request: SecretRequest) -> None:
        """Refuse a request without a Region, and make the client that it needs.

        The client is made here, because the first one can take longer than a fetch may.

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
            return None, _failure(request, found.get("Code", ""), found.get("Message", ""))
        except BotoCoreError as error:
            return None, SecretUnavailableError(
                f"secret {request.label!r}: moto did not answer ({type(error).__name__}); in its "
                f"server mode, check that the server is running",
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
    arn = region_of_arn(request.secret_id)
    region: str | None = arn[0] if arn else configured_region(os.environ)
    region = region or _sdk.session.Session().region_name
    if region is not None:
        return region
    # Where nothing names a Region, we take the one in which the test made its secrets.
    regions = sorted(_stores())
    if len(regions) == 1:
        return regions[0]
    raise ConfigurationError(
        f"secret {request.label!r}: no Region; Lambda sets AWS_REGION, so a test has to set "
        f"it too, or AWS_DEFAULT_REGION, which boto3 reads as well"
    )


def _failure(request: SecretRequest, code: str, message: str) -> CoreBackendError:
    failure = failure_of(request, code, message)
    if not isinstance(failure, SecretNotFoundError):
        return failure
    regions = sorted(region for region, names in _stores().items() if request.secret_id in names)
    region = _region_of(request)
    if region in regions:
        # moto says so of a stage that is on no version, too; AWS does not.
        return failure_of(request, code, "staging label")
    if regions:
        return SecretNotFoundError(
            f"secret {request.label!r}: the test made it in {', '.join(regions)}, and fetches it "
            f"from {region}; set AWS_DEFAULT_REGION and AWS_REGION to the Region of the test's own "
            f"client, or fetch it by its ARN",
            secret_id=request.label,
            code=code,
        )
    return failure


def _stores() -> dict[str, Any]:
    """Return, by Region, the stores of moto in this process that have secrets."""
    # Not imported above: with moto's server, this process may do without moto.
    models = sys.modules.get("moto.secretsmanager.models")
    accounts: Any = {} if models is None else models.secretsmanager_backends
    return {
        region: backend.secrets
        for account in accounts.values()
        for region, backend in account.items()
        if backend.secrets
    }
