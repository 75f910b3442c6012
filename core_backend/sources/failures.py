"""Which error of this package stands for an error code of the service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core_backend.errors import (
    CREDENTIAL_CODES,
    ConfigurationError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretUnavailableError,
)

if TYPE_CHECKING:
    from core_backend.errors import CoreBackendError
    from core_backend.sources import SecretRequest

__all__ = ["failure_of"]

# Only text of this form goes into messages: it excludes a proxy's page in place of a code.
_CODE = re.compile(r"[A-Za-z0-9.]{1,100}")

_HTTP_TOO_MANY_REQUESTS = 429
_HTTP_SERVER_ERROR = 500

# Source: Secrets Manager API reference, GetSecretValue (Errors) and Common Errors; the spellings
# that the service and the agents in front of it are known to send.
_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
_UNAVAILABLE = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "InternalServiceErrorException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired"})
_DECRYPTION = frozenset(
    {
        "DecryptionFailure",
        "DecryptionFailureException",
        "EncryptionFailure",
        "InvalidKeyUsageException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
    }
)

_ADVICE: dict[type[SecretError], str] = {
    SecretThrottledError: "the service is throttling; fetch less often (a longer ttl, fewer "
    "secrets) or ask for a higher quota",
    SecretNotFoundError: "it does not exist in this account and Region; check the name that the "
    "stack put into the environment, the Region, and that the stack is deployed",
    SecretNotSetError: "it exists but has no value at that stage or version: nobody has filled it "
    "yet; set it (aws secretsmanager put-secret-value, or the AWS console)",
    SecretDeletedError: "it is marked for deletion; restore it (aws secretsmanager "
    "restore-secret), or create it anew under another name",
    SecretDecryptionError: "it could not be decrypted; allow the function's role kms:Decrypt on "
    "the secret's key, and check that the key is enabled",
    SecretAccessDeniedError: "access denied, or there is no such secret (a policy scoped to one "
    "secret hides which); grant the function read, secret.grant_read(function), and check the "
    "name, the Region and the account",
    SecretUnavailableError: "the service failed; try again later",
}
_NO_PREVIOUS_ADVICE = (
    "it has no previous version yet: the first rotation, or the second put-secret-value, makes "
    "one; read the current version, or pass default=..."
)
_CREDENTIALS_ADVICE = (
    "the credentials were refused: they have expired, are of another account or partition, or "
    "the machine's clock is wrong"
)


def failure_of(
    request: SecretRequest, code: str, message: str, *, status: int = 400
) -> CoreBackendError:
    """Return the error that stands for ``code``.

    Args:
        request: The request that failed.
        code: The service's error code, without its namespace. Text that cannot be a code counts
            as an unknown one.
        message: The service's message. It helps to choose the error but is never quoted, because
            it may be a proxy's page, or repeat the request.
        status: The HTTP status, which decides only if the code is unknown.
    """
    label = request.label
    known = code if _CODE.fullmatch(code) else None
    kind = _kind_of(code, message.lower(), status)
    if kind is None:
        answer = f"{known}, HTTP {status}" if known else f"HTTP {status}"
        return ConfigurationError(
            f"secret {label!r}: the service refused the request itself ({answer}); check the id, "
            f"the stage or version, the Region and the endpoint"
        )
    advice = _ADVICE[kind]
    if code in CREDENTIAL_CODES:
        advice = _CREDENTIALS_ADVICE
    elif kind is SecretNotSetError and request.stage == "AWSPREVIOUS" and not request.version_id:
        advice = _NO_PREVIOUS_ADVICE
    return kind(
        f"secret {label!r}: {advice} ({known or f'HTTP {status}'})", secret_id=label, code=known
    )


def _kind_of(code: str, message: str, status: int) -> type[SecretError] | None:
    kind: type[SecretError] | None = None
    if code in _THROTTLED or code.startswith("LimitExceeded"):
        kind = SecretThrottledError
    elif code == "ResourceNotFoundException":
        unset = "staging label" in message or "versionid" in message
        kind = SecretNotSetError if unset else SecretNotFoundError
    elif code == "InvalidRequestException" and "delet" in message:
        kind = SecretDeletedError
    elif code in _DECRYPTION or (code in _DENIED and _is_of_kms(message)):
        kind = SecretDecryptionError
    elif code in _DENIED or code in CREDENTIAL_CODES:
        kind = SecretAccessDeniedError
    elif code in _UNAVAILABLE or status >= _HTTP_SERVER_ERROR:
        kind = SecretUnavailableError
    elif status == _HTTP_TOO_MANY_REQUESTS:
        kind = SecretThrottledError
    return kind


def _is_of_kms(message: str) -> bool:
    # Not "kms" alone: the message quotes the secret's ARN, and its name may contain that.
    return any(words in message for words in ("access to kms", "kms:", "ciphertext"))
