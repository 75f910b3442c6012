"""Which error an answer of the service stands for: by its code, where there is one."""

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
    from core_backend.sources.protocol import SecretRequest

__all__ = ["failure_of"]

# What may stand in a message: the service's codes are words, a proxy's page is not.
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
    "the secret's key, and see that the key is enabled",
    SecretAccessDeniedError: "access denied, or there is no such secret (a policy scoped to one "
    "secret hides which); grant the function read, secret.grant_read(function), and check the "
    "name, the Region and the account",
    SecretUnavailableError: "the service failed; try again later",
}
_CREDENTIALS_ADVICE = (
    "the credentials were refused: they have expired, are of another account or partition, or "
    "the machine's clock is wrong"
)


def failure_of(
    request: SecretRequest, code: str, message: str, *, status: int = 400
) -> CoreBackendError:
    """Return the error that the service's ``code`` stands for.

    Args:
        request: What was asked for.
        code: The service's error code, without its namespace. What does not look like one is
            as unknown as none.
        message: The service's message, only looked at: it goes into no error, since a proxy's
            page, or an echo of the request, might stand where a message should.
        status: The HTTP status, which decides only where the code is unknown.
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
    advice = _CREDENTIALS_ADVICE if code in CREDENTIAL_CODES else _ADVICE[kind]
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
    # Not "kms" alone: the message names the secret's ARN, and a secret can be called so.
    return any(words in message for words in ("access to kms", "kms:", "ciphertext"))
