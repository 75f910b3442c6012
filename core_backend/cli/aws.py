"""An AWS account as the commands use it: a few calls, and in which state a secret is."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
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

__all__ = ["Account", "Found", "State", "value_parameter"]


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
    """What DescribeSecret and ListSecrets tell about a secret."""

    state: State
    last_changed: datetime | None = None
    last_rotated: datetime | None = None
    version: str | None = None
    """The id of the current version."""
    from_stack: bool = False
    """Whether the value is still the one with which a stack created the secret."""


_STATES: Mapping[type[CoreBackendError], State] = {
    SecretNotFoundError: State.MISSING,
    SecretAccessDeniedError: State.DENIED,
}
_UNREADABLE = (SecretAccessDeniedError, SecretDecryptionError)
_STACK_TAG = "aws:cloudformation:stack-name"
# CreatedDate and LastChangedDate of a secret that nobody has changed since are this close.
_AT_ONCE = timedelta(seconds=5)


class Account:
    """One AWS account and Region. Its methods may be called from threads."""

    def __init__(self, run: Run) -> None:
        """Find credentials and the Region as the AWS CLI does.

        Raises:
            CommandError: They are missing or wrong, or the endpoint is not safe to use.
        """
        self.run = run
        with _local_errors():
            region = run.region or configured_region(os.environ) or None
            # The stubs know only the services that they are installed for.
            self._session: Any = boto3.Session(profile_name=run.profile, region_name=region)
        self._client: SecretsManagerClient = self._connect("secretsmanager")
        # If logging is set to DEBUG, the SDK would log requests and answers.
        mask_sdk_logs()

    @cached_property
    def place(self) -> str:
        """The account and Region, for messages: ``account 123456789012, eu-west-1``."""
        region = self._client.meta.region_name
        try:
            account = self._connect("sts").get_caller_identity()["Account"]
        except Exception:  # noqa: BLE001  # it may be out of reach, and only a message needs it
            return f"this account, {region}"
        return f"account {account}, {region}"

    def describe(self, secret_id: str) -> Found:
        """Return what is known about a secret; its value is not fetched."""
        with self._errors("DescribeSecret", secret_id):
            try:
                answer = self._client.describe_secret(SecretId=secret_id)
            except ClientError as error:
                state = _state_of_error(error, secret_id)
                if state is None:
                    raise
                return Found(state)
        return _read_description(answer, answer.get("VersionIdsToStages", {}))

    def get(self, secret_id: str) -> SecretText | SecretBytes | None:
        """Return the current value; ``None`` if these credentials may not read it."""
        with self._errors("GetSecretValue", secret_id):
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
        with self._errors("PutSecretValue", secret_id):
            answer = self._client.put_secret_value(SecretId=secret_id, **value_parameter(value))
        return answer["VersionId"]

    def create(self, name: str, value: SecretText | SecretBytes) -> str:
        """Create a secret with its first value, and return the version of that value."""
        with self._errors("CreateSecret", name):
            answer = self._client.create_secret(Name=name, **value_parameter(value))
        return answer["VersionId"]

    def restore(self, secret_id: str) -> None:
        """Take back the deletion of a secret."""
        with self._errors("RestoreSecret", secret_id):
            self._client.restore_secret(SecretId=secret_id)

    def list_secrets(self, prefix: str) -> dict[str, Found]:
        """Return the secrets whose names begin with ``prefix``, deleted ones too, by name."""
        with self._errors("ListSecrets", f"{prefix}*"):
            pages = self._client.get_paginator("list_secrets").paginate(
                IncludePlannedDeletion=True, Filters=[{"Key": "name", "Values": [prefix]}]
            )
            entries: list[Any] = [entry for page in pages for entry in page["SecretList"]]
        found = {
            entry["Name"]: _read_description(entry, entry.get("SecretVersionsToStages", {}))
            for entry in entries
        }
        return dict(sorted(found.items()))

    def get_function_variables(self, function: str) -> dict[str, str]:
        """Return the environment variables of a deployed function.

        Raises:
            CommandError: There is no such function, or its configuration cannot be read.
        """
        with self._errors("GetFunctionConfiguration", function):
            try:
                answer = self._connect("lambda").get_function_configuration(FunctionName=function)
            except ClientError as error:
                code = code_of(error)
                if code in CREDENTIAL_CODES:
                    raise
                if code == "ResourceNotFoundException":
                    raise CommandError(
                        f"function {function} does not exist in {self.place}",
                        "Check the name, --region and --profile.",
                    ) from error
                raise CommandError(
                    f"the variables of function {function} cannot be read ({code})",
                    "Ask for lambda:GetFunctionConfiguration on it, or use --from-template.",
                ) from error
        return dict(answer.get("Environment", {}).get("Variables", {}))

    def _connect(self, service: str) -> Any:
        config = Config(
            connect_timeout=5,
            read_timeout=15,
            # The number of attempts is left to AWS_MAX_ATTEMPTS and the profile.
            retries={"mode": "standard"},
            max_pool_connections=MAX_CONCURRENCY,
        )
        url = self.run.endpoint_url
        try:
            with _local_errors():
                client = self._session.client(service, endpoint_url=url, config=config)
        except ValueError as error:
            # Nothing else that a client is made of raises this.
            raise CommandError(
                "the endpoint is not a URL that can be used",
                "Correct --endpoint-url, AWS_ENDPOINT_URL or the profile: http://127.0.0.1:5000.",
            ) from error
        _check_endpoint(client.meta.endpoint_url)
        return client

    @contextmanager
    def _errors(self, action: str, secret_id: str) -> Generator[None]:
        """Turn the SDK's errors into ``CommandError``."""
        try:
            with _local_errors():
                yield
        except ClientError as error:
            raise service_failure(error, action, secret_id, lambda: self.place) from error


def value_parameter(value: SecretText | SecretBytes) -> Any:
    """Return the API parameter for a value: ``SecretString`` or ``SecretBinary``."""
    return {"SecretString" if isinstance(value, str) else "SecretBinary": value}


def _state_of_error(error: ClientError, secret_id: str) -> State | None:
    """Return the state that an error answer stands for; ``None`` if it is a failure."""
    if code_of(error) in CREDENTIAL_CODES:
        return None
    return _STATES.get(kind_of(error, secret_id))


def _read_description(answer: Mapping[str, Any], stages: Mapping[str, list[str]]) -> Found:
    """Read an answer of DescribeSecret, or an entry of ListSecrets."""
    current = [version for version, labels in stages.items() if "AWSCURRENT" in labels]
    if "DeletedDate" in answer:
        state = State.PENDING_DELETION
    else:
        state = State.SET if current else State.EMPTY
    changed, created = answer.get("LastChangedDate"), answer.get("CreatedDate")
    tags = {tag.get("Key") for tag in answer.get("Tags", [])}
    return Found(
        state,
        last_changed=changed,
        last_rotated=answer.get("LastRotatedDate"),
        version=current[0] if current else None,
        from_stack=_STACK_TAG in tags
        and bool(created and changed and changed - created < _AT_ONCE),
    )


def _check_endpoint(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise CommandError(
            f"the endpoint {url} would be sent values, and the session token, over plain http",
            "Use https, or an address of this machine.",
        )


@contextmanager
def _local_errors() -> Generator[None]:
    """Turn the SDK's errors about this machine into ``CommandError``."""
    try:
        yield
    except BotoCoreError as error:
        raise local_failure(error) from error
