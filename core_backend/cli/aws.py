"""Secrets Manager as the commands use it: a few calls, and failures in a person's words."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core_backend.cli.errors import CommandError
from core_backend.cli.failures import code_of, kind_of, local_failure, service_failure
from core_backend.cli.states import Found, State
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

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from core_backend.cli.run import Run
    from core_backend.errors import CoreBackendError

__all__ = ["MAX_CONCURRENCY", "SecretsManager", "stored"]

MAX_CONCURRENCY = 10
"""How many calls are under way at once."""
_STATES: Mapping[type[CoreBackendError], State] = {
    SecretNotFoundError: State.MISSING,
    SecretAccessDeniedError: State.DENIED,
}
_UNREADABLE = (SecretAccessDeniedError, SecretDecryptionError)


class SecretsManager:
    """The Secrets Manager of one account and Region. Its methods may be called from threads."""

    def __init__(self, run: Run) -> None:
        """Find credentials and Region as the AWS CLI does.

        Raises:
            CommandError: They are missing or wrong, or the endpoint is not to be trusted.
        """
        with _url_checked(), _translated():
            region = run.region or configured_region(os.environ) or None
            # What the stubs leave unknown are other services' clients.
            session: Any = boto3.Session(profile_name=run.profile, region_name=region)
            self._client: SecretsManagerClient = session.client(
                "secretsmanager",
                endpoint_url=run.endpoint_url,
                config=Config(
                    connect_timeout=5,
                    read_timeout=15,
                    # How often is AWS_MAX_ATTEMPTS' or the profile's to say.
                    retries={"mode": "standard"},
                    max_pool_connections=MAX_CONCURRENCY,
                ),
            )
        # Whoever has set logging to debug would otherwise be shown requests and answers.
        mask_sdk_logs()
        _check_endpoint(self._client.meta.endpoint_url)

    def describe(self, secret_id: str) -> Found:
        """Return what there is of a secret; its value is not fetched."""
        with _translated("DescribeSecret", secret_id):
            try:
                answer = self._client.describe_secret(SecretId=secret_id)
            except ClientError as error:
                state = _state_of(error, secret_id)
                if state is None:
                    raise
                return Found(state)
        return _found(answer)

    def get(self, secret_id: str) -> SecretText | SecretBytes | None:
        """Return the current value; ``None`` where these credentials may not read it."""
        with _translated("GetSecretValue", secret_id):
            try:
                # The stubs know no member that an answer may lack.
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
        with _translated("PutSecretValue", secret_id):
            answer = self._client.put_secret_value(SecretId=secret_id, **stored(value))
        return answer["VersionId"]

    def create(self, name: str, value: SecretText | SecretBytes) -> str:
        """Create a secret with its first value, and return that value's version."""
        with _translated("CreateSecret", name):
            answer = self._client.create_secret(Name=name, **stored(value))
        return answer["VersionId"]


def _state_of(error: ClientError, secret_id: str) -> State | None:
    """Return the state that an error answer stands for; ``None`` where it is a failure."""
    if code_of(error) in CREDENTIAL_CODES:
        return None
    return _STATES.get(kind_of(error, secret_id))


def stored(value: SecretText | SecretBytes) -> Any:
    """Return the parameter that a value is sent as."""
    return {"SecretString" if isinstance(value, str) else "SecretBinary": value}


def _found(answer: Mapping[str, Any]) -> Found:
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
def _url_checked() -> Generator[None]:
    try:
        yield
    except ValueError as error:
        # What the SDK says of an endpoint, and of nothing else that a client is made of.
        raise CommandError(
            "the endpoint is no URL that can be used",
            "Correct --endpoint-url, AWS_ENDPOINT_URL or the profile: http://127.0.0.1:5000.",
        ) from error


@contextmanager
def _translated(action: str = "", secret_id: str = "") -> Generator[None]:
    try:
        yield
    except ClientError as error:
        raise service_failure(error, action, secret_id) from error
    except BotoCoreError as error:
        raise local_failure(error) from error
