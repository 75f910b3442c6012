"""Which error an answer of the service stands for: by its code, never by its HTTP status alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_backend.errors import (
    ConfigurationError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretUnavailableError,
)

if TYPE_CHECKING:
    from core_backend.errors import CoreBackendError
    from core_backend.sources.protocol import SecretRequest

__all__ = ["CREDENTIAL_CODES", "failure_of"]

_HTTP_TOO_MANY_REQUESTS = 429
_HTTP_SERVER_ERROR = 500

# Source: Secrets Manager API reference, GetSecretValue (Errors) and Common Errors; the spellings
# that the service and the agents in front of it are known to send.
_THROTTLED = frozenset({
    "LimitExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
})
_UNAVAILABLE = frozenset({
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceErrorException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired"})
_DECRYPTION = frozenset({
    "DecryptionFailure",
    "DecryptionFailureException",
    "EncryptionFailure",
    "InvalidKeyUsageException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
})
CREDENTIAL_CODES = frozenset({
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
})
"""Codes that mean the credentials are the trouble, not the secret."""


def failure_of(
    request: SecretRequest, code: str, message: str, *, status: int = 400
) -> CoreBackendError:
    """Return the error that the service's ``code`` stands for.

    Args:
        request: What was asked for.
        code: The service's error code, without its namespace.
        message: The service's message, only looked at: it goes into no error, since a proxy's
            page, or an echo of the request, might stand where a message should.
        status: The HTTP status, which decides only where the code is unknown.
    """
    label = request.label
    lowered = message.lower()
    if code in _THROTTLED or code.startswith("LimitExceeded") or status == _HTTP_TOO_MANY_REQUESTS:
        return SecretThrottledError(
            f"secret {label!r}: the service is throttling ({code}); fetch less often (a longer "
            f"ttl, fewer secrets) or ask for a higher quota",
            secret_id=label,
            code=code,
        )
    if code == "ResourceNotFoundException":
        return _not_found(label, code, lowered)
    if code == "InvalidRequestException" and "deletion" in lowered:
        return SecretDeletedError(
            f"secret {label!r} is marked for deletion; restore it (aws secretsmanager "
            f"restore-secret), or create it anew under another name",
            secret_id=label,
            code=code,
        )
    if code in _DECRYPTION or (code in _DENIED and "kms" in lowered):
        return SecretDecryptionError(
            f"secret {label!r} could not be decrypted ({code}); allow the function's role "
            f"kms:Decrypt on the secret's key, and see that the key is enabled",
            secret_id=label,
            code=code,
        )
    if code in CREDENTIAL_CODES:
        return SecretAccessDeniedError(
            f"secret {label!r}: the credentials were refused ({code}); they have expired, are of "
            f"another account or partition, or the machine's clock is wrong",
            secret_id=label,
            code=code,
        )
    if code in _DENIED:
        return SecretAccessDeniedError(
            f"secret {label!r}: access denied, or there is no such secret (a policy scoped to one "
            f"secret hides which); grant the function read, secret.grant_read(function), and "
            f"check the name, the Region and the account",
            secret_id=label,
            code=code,
        )
    if code in _UNAVAILABLE or status >= _HTTP_SERVER_ERROR:
        return SecretUnavailableError(
            f"secret {label!r}: the service failed ({code}, HTTP {status}); try again later",
            secret_id=label,
            code=code,
        )
    return ConfigurationError(
        f"secret {label!r}: the service refused the request itself ({code}, HTTP {status}); "
        f"check the id, the stage or version, the Region and the endpoint"
    )


def _not_found(label: str, code: str, lowered: str) -> CoreBackendError:
    if "staging label" in lowered or "versionid" in lowered:
        return SecretNotSetError(
            f"secret {label!r} exists but has no value at that stage or version: nobody has "
            f"filled it yet; set it with core-backend secrets set, or in the AWS console",
            secret_id=label,
            code=code,
        )
    return SecretNotFoundError(
        f"secret {label!r} does not exist in this account and Region; check the name that the "
        f"stack put into the environment, the Region, and that the stack is deployed",
        secret_id=label,
        code=code,
    )
