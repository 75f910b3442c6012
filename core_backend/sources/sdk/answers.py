"""What the AWS SDK's answers and errors say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.exceptions as sdk_errors
from aiohttp import ClientConnectorError, ServerDisconnectedError
from botocore.parsers import ResponseParserError

from core_backend.errors import (
    ConfigurationError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources.failures import failure_of
from core_backend.sources.protocol import SecretValue
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import SecretRequest

__all__ = [
    "BROKEN",
    "TIMEOUTS",
    "UNREADABLE",
    "ended_unanswered",
    "readable",
    "translated",
    "value_of",
]

# In bytes. Source: Secrets Manager user guide, "AWS Secrets Manager quotas".
_LARGEST = 65_536

TIMEOUTS = (sdk_errors.ConnectTimeoutError, sdk_errors.ReadTimeoutError)
BROKEN = (
    sdk_errors.HTTPClientError,
    sdk_errors.ConnectionError,
    sdk_errors.ResponseStreamingError,
)
# What a strange body ends in.
UNREADABLE = (AttributeError, KeyError, ResponseParserError, TypeError, ValueError)
_MISCONFIGURED = (
    sdk_errors.CredentialRetrievalError,
    sdk_errors.NoCredentialsError,
    sdk_errors.PartialCredentialsError,
)


def ended_unanswered(error: Exception) -> bool:
    """Return whether a connection ended before an answer began, as far as can be told.

    A reset within an answer's head looks like one before it.
    """
    cause = getattr(error, "kwargs", {}).get("error")
    if isinstance(cause, ServerDisconnectedError):
        # Otherwise it is the part of a head that came.
        return isinstance(cause.message, str)
    return isinstance(cause, OSError) and not isinstance(cause, ClientConnectorError)


def value_of(answer: dict[str, Any]) -> SecretValue:
    """Return the value in an answer, which then has it no more; any of ``UNREADABLE`` without."""
    version = answer["VersionId"]
    value = answer.pop("SecretBinary" if "SecretBinary" in answer else "SecretString")
    fetched = SecretBytes(value) if isinstance(value, bytes) else SecretText(_text(value))
    size = len(value if isinstance(value, bytes) else value.encode())
    if not isinstance(version, str) or not 0 < size <= _LARGEST:
        raise TypeError
    return SecretValue(fetched, version)


def readable(entry: dict[str, Any]) -> SecretValue | None:
    """Return the value in an answer, if there is one."""
    try:
        return value_of(entry)
    except UNREADABLE:
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def translated(request: SecretRequest, error: Exception) -> CoreBackendError:
    """Return our error for the SDK's."""
    label, kind = request.label, type(error).__name__
    if isinstance(error, sdk_errors.ClientError):
        return _refusal(request, error.response)
    if isinstance(error, _MISCONFIGURED):
        return ConfigurationError(
            f"secret {label!r}: the AWS SDK found no usable credentials ({kind}); set AWS_PROFILE, "
            f"or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with aws sso login; on "
            f"Lambda the execution role provides them"
        )
    if isinstance(error, TIMEOUTS):
        return SecretTimeoutError(
            f"secret {label!r}: the service did not answer in time; see that the function can "
            f"reach it (in a VPC, an interface endpoint or a NAT)",
            secret_id=label,
        )
    if isinstance(error, sdk_errors.BotoCoreError) and not isinstance(error, BROKEN):
        return ConfigurationError(
            f"secret {label!r}: the AWS SDK cannot make the request ({kind}); check the profile, "
            f"the Region and the endpoint"
        )
    cause = "unreadable answer" if isinstance(error, UNREADABLE) else kind
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
