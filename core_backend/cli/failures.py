"""What an error of the AWS SDK means to the user. No message quotes a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.exceptions as sdk_errors

from core_backend.cli.run import CommandError
from core_backend.errors import (
    CREDENTIAL_CODES,
    ConfigurationError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretUnavailableError,
)
from core_backend.sources import SecretRequest
from core_backend.sources.failures import failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core_backend.errors import CoreBackendError

__all__ = ["code_of", "kind_of", "local_failure", "service_failure"]

_Lines = tuple[str, str]

_NO_CREDENTIALS = (
    sdk_errors.CredentialRetrievalError,
    sdk_errors.LoginError,
    sdk_errors.NoCredentialsError,
    sdk_errors.PartialCredentialsError,
    sdk_errors.SSOError,
    sdk_errors.TokenRetrievalError,
)
_UNREACHABLE = (sdk_errors.ConnectionError, sdk_errors.HTTPClientError)
_LOG_IN = "Log in (aws sso login, or aws configure), or name another --profile."

# What happened and what to do next, by the error that a handler would get.
_SERVICE: Mapping[type[CoreBackendError], _Lines] = {
    SecretNotFoundError: (
        "{secret} does not exist in {place}",
        "Deploy the stack that declares it, or check --env, --region and --profile.",
    ),
    SecretNotSetError: ("{secret} has no value yet", "Set one: core-backend secrets set."),
    SecretDeletedError: (
        "{secret} is marked for deletion",
        "Restore it: core-backend secrets restore.",
    ),
    SecretAccessDeniedError: (
        "access denied: these credentials may not call {action} on {secret}",
        "Ask for secretsmanager:{action} on it, or name another --profile.",
    ),
    SecretDecryptionError: (
        "the KMS key of {secret} cannot be used with these credentials ({code})",
        "Ask for kms:Decrypt and kms:GenerateDataKey on it, and see that it is enabled.",
    ),
    SecretThrottledError: (
        "Secrets Manager refused {action} on {secret}: too many requests ({code})",
        "Try again in a moment.",
    ),
    SecretUnavailableError: (
        "Secrets Manager failed at {action} on {secret} ({code})",
        "Try again in a moment.",
    ),
    ConfigurationError: (
        "Secrets Manager refused {action} on {secret} ({code})",
        "Run it again with --debug to see its answer.",
    ),
}
_BY_CODE: Mapping[str, _Lines] = {
    **dict.fromkeys(CREDENTIAL_CODES, ("AWS refused the credentials ({code})", _LOG_IN)),
    "ResourceExistsException": (
        "{secret} exists already, or is being deleted",
        "See core-backend secrets status.",
    ),
}


def code_of(error: sdk_errors.ClientError) -> str:
    """Return the service's error code."""
    return error.response.get("Error", {}).get("Code", "")


def kind_of(error: sdk_errors.ClientError, secret_id: str) -> type[CoreBackendError]:
    """Return the class of error that a handler would get for this answer."""
    message = error.response.get("Error", {}).get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return type(failure_of(SecretRequest(secret_id), code_of(error), message, status=status))


def service_failure(
    error: sdk_errors.ClientError, action: str, secret_id: str, place: Callable[[], str]
) -> CommandError:
    """Return what the service's answer means. Its own text is left out: it may echo a request.

    Args:
        error: The answer.
        action: The operation, such as ``GetSecretValue``.
        secret_id: The secret's name or ARN.
        place: Returns the account and Region; only some messages ask for them.
    """
    code = code_of(error)
    kind = kind_of(error, secret_id)
    lines = _BY_CODE.get(code) or _SERVICE[kind]
    facts = {"action": action, "code": code, "secret": secret_id}
    if kind is SecretNotFoundError:
        facts["place"] = place()
    return CommandError(
        *(line.format(**facts) for line in lines), uncertain=kind is SecretUnavailableError
    )


def local_failure(error: sdk_errors.BotoCoreError) -> CommandError:
    """Return the error for a request that the SDK could not send."""
    kind = type(error).__name__
    match error:
        case sdk_errors.ProfileNotFound():
            return CommandError(
                f"there is no AWS profile {error.kwargs['profile']!r}",
                "List them: aws configure list-profiles",
            )
        case sdk_errors.NoRegionError():
            return CommandError("there is no Region", "Pass --region, or set AWS_REGION.")
        case sdk_errors.InvalidRegionError():
            region = error.kwargs["region_name"]
            return CommandError(
                f"{region!r} is not a Region", "Pass one such as --region eu-west-1."
            )
        case _ if isinstance(error, _NO_CREDENTIALS):
            return CommandError(f"there are no AWS credentials to use ({kind})", _LOG_IN)
        case _ if isinstance(error, _UNREACHABLE):
            endpoint = error.kwargs.get("endpoint_url", "the endpoint")
            return CommandError(
                f"{endpoint} does not answer ({kind})",
                "Check the network, --region and --endpoint-url.",
                uncertain=True,
            )
        case _:
            return CommandError(
                f"the AWS SDK gave up ({kind})", "Run it again with --debug to see why."
            )
