"""What the AWS SDK returns and raises, in this package's terms."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import botocore.exceptions as sdk_errors
from aiohttp import ClientConnectorError, ServerDisconnectedError
from botocore.parsers import ResponseParserError

from core_backend.errors import (
    ConfigurationError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources import SecretValue, has_valid_size
from core_backend.sources.failures import failure_of
from core_backend.sources.http.messages import Mistaken
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_backend.errors import CoreBackendError
    from core_backend.sources import SecretRequest

__all__ = [
    "BROKEN",
    "SDK_ERRORS",
    "ended_unanswered",
    "error_for",
    "value_in",
    "value_or_none",
]

_TIMEOUTS = (sdk_errors.ConnectTimeoutError, sdk_errors.ReadTimeoutError)
_UNREACHABLE = (
    sdk_errors.HTTPClientError,
    sdk_errors.ConnectionError,
    sdk_errors.ResponseStreamingError,
)
# A strange body makes the SDK, or value_in, raise one of these.
_UNREADABLE = (AttributeError, KeyError, ResponseParserError, TypeError, ValueError)
# A bundle of certificates that cannot be loaded; what the network does has classes of its own.
_NO_BUNDLE = (FileNotFoundError, IsADirectoryError, PermissionError, ssl.SSLError)
_NO_CREDENTIALS = (
    sdk_errors.CredentialRetrievalError,
    sdk_errors.NoCredentialsError,
    sdk_errors.PartialCredentialsError,
)

BROKEN = (*_TIMEOUTS, *_UNREACHABLE)
"""Errors after which a connection is not used again."""
SDK_ERRORS = (sdk_errors.ClientError, sdk_errors.BotoCoreError, Mistaken, *_UNREADABLE)
"""Errors that a call may raise, and that ``error_for`` knows."""


def ended_unanswered(error: Exception) -> bool:
    """Return whether a connection ended before an answer began, as far as the SDK tells.

    A reset within the head of an answer looks like one before it.
    """
    cause = _cause_of(error)
    if isinstance(cause, ServerDisconnectedError):
        # If part of a head had come, the message would be that part.
        return isinstance(cause.message, str)
    return isinstance(cause, OSError) and not isinstance(cause, ClientConnectorError)


def _cause_of(error: Exception) -> object:
    return getattr(error, "kwargs", {}).get("error")


def value_in(answer: Mapping[str, Any]) -> SecretValue:
    """Return the value in an answer of GetSecretValue.

    Raises:
        KeyError, TypeError: It has none.
    """
    version = answer["VersionId"]
    data = answer["SecretBinary" if "SecretBinary" in answer else "SecretString"]
    if not (isinstance(version, str) and isinstance(data, (str, bytes)) and has_valid_size(data)):
        raise TypeError
    return SecretValue(SecretText(data) if isinstance(data, str) else SecretBytes(data), version)


def value_or_none(entry: Mapping[str, Any]) -> SecretValue | None:
    """Return the value in an entry of a batch; ``None`` if it has none."""
    try:
        return value_in(entry)
    except (KeyError, TypeError):
        return None


def error_for(request: SecretRequest, error: Exception) -> CoreBackendError:
    """Return this package's error for the SDK's."""
    label, kind = request.label, type(error).__name__
    if isinstance(error, sdk_errors.ClientError):
        return _refusal(request, error.response)
    if isinstance(error, _NO_CREDENTIALS):
        return ConfigurationError(
            f"secret {label!r}: the AWS SDK found no usable credentials ({kind}); set AWS_PROFILE, "
            f"or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with aws sso login; on "
            f"Lambda the execution role provides them"
        )
    if isinstance(error, _TIMEOUTS):
        return SecretTimeoutError(
            f"secret {label!r}: the service did not answer in time; check that the function can "
            f"reach it (in a VPC, an interface endpoint or a NAT)",
            secret_id=label,
        )
    if mistake := _mistake_in(error):
        return ConfigurationError(f"secret {label!r}: the AWS SDK cannot {mistake}")
    cause = "unreadable answer" if isinstance(error, _UNREADABLE) else kind
    if isinstance(error, Mistaken):
        cause = "an answer about another secret or version"
    return SecretUnavailableError(
        f"secret {label!r}: the service could not be reached or understood ({cause}); check that "
        f"the function can reach it, and try again",
        secret_id=label,
    )


def _mistake_in(error: Exception) -> str:
    """Return what the setup keeps the SDK from; empty if the setup is not at fault."""
    if isinstance(error, UnicodeEncodeError):
        return (
            "encode the request; check AWS_SECRET_ACCESS_KEY, AWS_ACCESS_KEY_ID and "
            "AWS_SESSION_TOKEN for characters that no credentials have"
        )
    cause = _cause_of(error)
    if type(error) is sdk_errors.HTTPClientError and isinstance(cause, _NO_BUNDLE):
        return (
            f"load the certificates to trust ({type(cause).__name__}); point AWS_CA_BUNDLE, or "
            f"ca_bundle in the AWS config file, at a PEM file"
        )
    if isinstance(error, sdk_errors.BotoCoreError) and not isinstance(error, _UNREACHABLE):
        kind = type(error).__name__
        return f"make the request ({kind}); check the profile, the Region and the endpoint"
    return ""


def _refusal(request: SecretRequest, response: Mapping[str, Any]) -> CoreBackendError:
    error = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return failure_of(
        request, str(error.get("Code", "")), str(error.get("Message", "")), status=status
    )
