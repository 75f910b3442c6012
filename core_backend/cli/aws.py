"""Secrets Manager as the commands use it: a few calls, and in which state a secret is."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core_backend.cli.failures import code_of, kind_of, local_failure, service_failure
from core_backend.cli.output import MAX_CONCURRENCY
from core_backend.cli.run import CommandError
from core_backend.errors import (
    CREDENTIAL_CODES,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretNotFoundError,
)
from core_backend.sources.endpoints import configured_region, is_loopback
from core_backend.sources.sdk_logs import mask_sdk_logs
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from datetime import datetime

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from core_backend.cli.run import Run
    from core_backend.errors import CoreBackendError

__all__ = ["Found", "SecretsManager", "State", "value_parameter"]


class State(StrEnum):
    """The state of a secret, as far as it can be seen without its value."""

    MISSING = "missing"
    """This account and Region has no such secret: its stack is not deployed."""
    EMPTY = "empty"
    """The secret exists, but has no value yet."""
    SET = "set"
    PENDING_DELETION = "pending deletion"
    DENIED = "denied"
    """These credentials may not see the secret. Perhaps it does not exist."""


@dataclass(frozen=True)
class Found:
    """What DescribeSecret tells about a secret."""

    state: State
    last_changed: datetime | None = None
    last_rotated: datetime | None = None
    version: str | None = None
    """The id of the current version."""


_STATES: Mapping[type[CoreBackendError], State] = {
    SecretNotFoundError: State.MISSING,
    SecretAccessDeniedError: State.DENIED,
}
_UNREADABLE = (SecretAccessDeniedError, SecretDecryptionError)


class SecretsManager:
    """Secrets Manager in one account and Region. Its methods may be called from threads."""

    def __init__(self, run: Run) -> None:
        """Find credentials and the Region as the AWS CLI does.

        Raises:
            CommandError: They are missing or wrong, or the endpoint is not safe to use.
        """
        with _url_errors(), _sdk_errors():
            region = run.region or configured_region(os.environ) or None
            # The stubs know only the services that they are installed for.
            session: Any = boto3.Session(profile_name=run.profile, region_name=region)
            self._client: SecretsManagerClient = session.client(
                "secretsmanager",
                endpoint_url=run.endpoint_url,
                config=Config(
                    connect_timeout=5,
                    read_timeout=15,
                    # The number of attempts is left to AWS_MAX_ATTEMPTS and the profile.
                    retries={"mode": "standard"},
                    max_pool_connections=MAX_CONCURRENCY,
                ),
            )
        # If logging is set to DEBUG, the SDK would log requests and answers.
        mask_sdk_logs()
        _check_endpoint(self._client.meta.endpoint_url)

    def describe(self, secret_id: str) -> Found:
        """Return what is known about a secret; its value is not fetched."""
        with _sdk_errors("DescribeSecret", secret_id):
            try:
                answer = self._client.describe_secret(SecretId=secret_id)
            except ClientError as error:
                state = _state_of_error(error, secret_id)
                if state is None:
                    raise
                return Found(state)
        return _read_description(answer)

    def get(self, secret_id: str) -> SecretText | SecretBytes | None:
        """Return the current value; ``None`` if these credentials may not read it."""
        with _sdk_errors("GetSecretValue", secret_id):
            try:
                # According to the stubs, both members are always there.
                answer: Any = self._client.get_secret_value(SecretId=secret_id)
            except ClientError as error:
                if (
                    code_of(error) in CREDENTIAL_CODES
                    or kind_of(error, secret_id) not in _UNREADABLE
                ):
                    raise
                return None
        if "SecretString" in answer:
            return SecretText(answer["SecretString"])
        return SecretBytes(answer["SecretBinary"])

    def put(self, secret_id: str, value: SecretText | SecretBytes) -> str:
        """Store a value as the current one, and return its version."""
        with _sdk_errors("PutSecretValue", secret_id):
            answer = self._client.put_secret_value(SecretId=secret_id, **value_parameter(value))
        return answer["VersionId"]

    def create(self, name: str, value: SecretText | SecretBytes) -> str:
        """Create a secret with its first value, and return the version of that value."""
        with _sdk_errors("CreateSecret", name):
            answer = self._client.create_secret(Name=name, **value_parameter(value))
        return answer["VersionId"]


def value_parameter(value: SecretText | SecretBytes) -> Any:
    """Return the API parameter for a value: ``SecretString`` or ``SecretBinary``."""
    return {"SecretString" if isinstance(value, str) else "SecretBinary": value}


def _state_of_error(error: ClientError, secret_id: str) -> State | None:
    """Return the state that an error answer stands for; ``None`` if it is a failure."""
    if code_of(error) in CREDENTIAL_CODES:
        return None
    return _STATES.get(kind_of(error, secret_id))


def _read_description(answer: Mapping[str, Any]) -> Found:
    stages = answer.get("VersionIdsToStages", {})
    current = [version for version, labels in stages.items() if "AWSCURRENT" in labels]
    if "DeletedDate" in answer:
        state = State.PENDING_DELETION
    else:
        state = State.SET if current else State.EMPTY
    return Found(
        state,
        last_changed=answer.get("LastChangedDate"),
        last_rotated=answer.get("LastRotatedDate"),
        version=current[0] if current else None,
    )


def _check_endpoint(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise CommandError(
            f"the endpoint {url} would be sent values, and the session token, over plain http",
            "Use https, or an address of this machine.",
        )


@contextmanager
def _url_errors() -> Generator[None]:
    try:
        yield
    except ValueError as error:
        # Nothing else that a client is made of raises this.
        raise CommandError(
            "the endpoint is not a URL that can be used",
            "Correct --endpoint-url, AWS_ENDPOINT_URL or the profile: http://127.0.0.1:5000.",
        ) from error


@contextmanager
def _sdk_errors(action: str = "", secret_id: str = "") -> Generator[None]:
    """Turn the SDK's errors into ``CommandError``."""
    try:
        yield
    except ClientError as error:
        raise service_failure(error, action, secret_id) from error
    except BotoCoreError as error:
        raise local_failure(error) from error
