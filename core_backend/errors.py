"""All errors that this package raises. None of them holds a value.

Each class is one decision for the caller::

    CoreBackendError
    ├── MissingEnvError (also a KeyError)      an environment variable is not set: deploy it
    ├── InvalidSecretNameError (ValueError)    AWS or Lambda cannot accept a name or id
    ├── ConfigurationError                     a setting, the Region, credentials, an extra
    └── SecretError                            one secret could not be read: .secret_id, .code
        ├── SecretNotFoundError                the secret does not exist
        ├── SecretNotSetError                  the secret exists, but has no value yet
        ├── SecretAccessDeniedError            access denied, or the secret does not exist
        ├── SecretDecryptionError              KMS did not decrypt the value
        ├── SecretDeletedError                 the secret is marked for deletion
        ├── SecretFormatError                  the value does not have the declared shape
        ├── SecretThrottledError               too many requests: try later
        ├── SecretUnavailableError             the service or the network failed: try later
        ├── SecretTimeoutError (TimeoutError)  no answer within the time that was left
        └── SecretsFailedError                 several secrets of a batch failed: .failures

To add an error class, add it here, to ``core_backend/__init__.py`` and to the tree above. If an
error code of the service leads to it, ``sources/failures.py`` needs its advice and
``cli/failures.py`` its words. ``_engine/failures.py`` says whether it is retried.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = [
    "ConfigurationError",
    "CoreBackendError",
    "InvalidSecretNameError",
    "MissingEnvError",
    "SecretAccessDeniedError",
    "SecretDecryptionError",
    "SecretDeletedError",
    "SecretError",
    "SecretFormatError",
    "SecretNotFoundError",
    "SecretNotSetError",
    "SecretThrottledError",
    "SecretTimeoutError",
    "SecretUnavailableError",
    "SecretsFailedError",
]


CREDENTIAL_CODES = frozenset(
    {
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
    }
)
"""AWS error codes that blame the credentials, not the secret."""


# How much of a wrong argument a message quotes.
_MAX_SHOWN = 80


def show(value: object) -> str:
    """Return the start of a wrong argument's repr, for a message.

    Never raises: ``repr(10**5000)`` is a ``ValueError``, and a caller's class may raise anything.
    """
    try:
        return f"{value!r:.{_MAX_SHOWN}}"
    except Exception:  # noqa: BLE001  # as said above
        return f"a value of type {type(value).__name__} that cannot be shown"


class CoreBackendError(Exception):
    """The base class of every error that this package raises."""

    @property
    def blames_credentials(self) -> bool:
        """Whether AWS refused the credentials, so that newer ones may succeed."""
        return False

    def fresh(self) -> Self:
        """Return a new instance of the same failure.

        One failure may reach many callers. A shared instance would collect all their tracebacks.
        """
        return type(self)(*self.args)


class MissingEnvError(CoreBackendError, KeyError):
    """An environment variable that the function needs is not set.

    Attributes:
        variables: The names of all the variables that are missing.
    """

    def __init__(self, message: str, *, variables: tuple[str, ...] = ()) -> None:
        """Keep the variables beside the message."""
        super().__init__(message)
        self.variables = variables

    def fresh(self) -> Self:
        """Return a new instance of the same failure, with the same variables."""
        return type(self)(*self.args, variables=self.variables)

    def __str__(self) -> str:
        """Return the message. A ``KeyError`` would return the message's repr."""
        return str(self.args[0])


class InvalidSecretNameError(CoreBackendError, ValueError):
    """AWS, or Lambda's environment, cannot accept a secret's name, id or ARN."""


class ConfigurationError(CoreBackendError):
    """A setting, the Region, credentials, an endpoint or an extra is wrong or missing."""


class SecretError(CoreBackendError):
    """One secret could not be read.

    Attributes:
        secret_id: The name or ARN, followed by the stage or version if one was named.
        code: The error code that the service answered with, if it did.
    """

    def __init__(self, message: str, *, secret_id: str, code: str | None = None) -> None:
        """Keep the secret's id and the code beside the message."""
        super().__init__(message)
        self.secret_id = secret_id
        self.code = code

    @property
    def blames_credentials(self) -> bool:
        """Whether AWS refused the credentials, so that newer ones may succeed."""
        return self.code in CREDENTIAL_CODES

    def fresh(self) -> Self:
        """Return a new instance of the same failure, of the same secret."""
        return type(self)(str(self), secret_id=self.secret_id, code=self.code)

    def __reduce__(self) -> tuple[Any, ...]:
        """Support copying and pickling, which keep only the message by default."""
        return partial(type(self), secret_id=self.secret_id, code=self.code), (str(self),)


class SecretNotFoundError(SecretError):
    """This account and Region have no secret of that name or ARN."""


class SecretNotSetError(SecretError):
    """The secret exists, but has no value: nobody filled it, or not at that stage or version."""


class SecretAccessDeniedError(SecretError):
    """Access is denied, or the secret does not exist.

    A policy that allows only one secret hides which of the two it is.
    """


class SecretDecryptionError(SecretError):
    """KMS did not decrypt the value, or the key cannot be used."""


class SecretDeletedError(SecretError):
    """The secret is marked for deletion."""


class SecretFormatError(SecretError):
    """The value does not have the shape that its name declares."""


class SecretThrottledError(SecretError):
    """The service throttled the request, and every retry."""


class SecretUnavailableError(SecretError):
    """The service or the network failed, on every attempt."""


class SecretTimeoutError(SecretError, TimeoutError):
    """No answer came in time: within the timeout, or what was left of the invocation."""


class SecretsFailedError(SecretError):
    """Several secrets of one batch failed. The others are cached.

    Attributes:
        failures: The error of each secret that failed, by the secret's id.
    """

    failures: Mapping[str, SecretError]

    def __init__(
        self,
        message: str,
        *,
        secret_id: str,
        code: str | None = None,
        failures: Mapping[str, SecretError] | None = None,
    ) -> None:
        """Keep the failures beside the message."""
        super().__init__(message, secret_id=secret_id, code=code)
        self.failures = MappingProxyType(dict(failures or {}))

    @classmethod
    def of(cls, failures: Mapping[str, SecretError]) -> SecretsFailedError:
        """Return the error for these failures. Its message lists each of them.

        The Lambda runtime client reports nothing but the message.
        """
        lines = "".join(f"\n  {type(e).__name__}: {e}" for e in failures.values())
        return cls(
            f"{len(failures)} secrets could not be fetched:{lines}",
            secret_id=", ".join(failures),
            failures=failures,
        )

    def fresh(self) -> SecretsFailedError:
        """Return a new instance, with new instances of the failures."""
        return type(self).of({name: error.fresh() for name, error in self.failures.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        """Support copying and pickling, failures included."""
        return type(self).of, (dict(self.failures),)
