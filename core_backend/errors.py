"""Everything this package raises.

Each class answers one decision of the caller; none ever carries a value::

    CoreBackendError
    ├── MissingEnvError (also a KeyError)    the function was deployed without a variable
    ├── InvalidSecretNameError (ValueError)  a name or id that cannot be right
    ├── ConfigurationError                   settings, Region, credentials, endpoint, extras
    └── SecretError                          one secret could not be had; .secret_id, .code
        ├── SecretNotFoundError              no such secret
        ├── SecretNotSetError                declared, but nobody gave it a value
        ├── SecretAccessDeniedError          denied, or absent: a scoped policy hides which
        ├── SecretDecryptionError            KMS would not decrypt it
        ├── SecretDeletedError               marked for deletion
        ├── SecretFormatError                there, but not of the shape its name declares
        ├── SecretThrottledError             too many requests; try later
        ├── SecretUnavailableError           the service or the network failed; try later
        ├── SecretTimeoutError (TimeoutError)  no answer in the time that was left
        └── SecretsFailedError               several of one batch failed; .failures
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
"""Error codes of AWS that blame the caller's credentials, not the secret."""


class CoreBackendError(Exception):
    """The root: catch this to catch whatever this package raises."""

    @property
    def blames_credentials(self) -> bool:
        """Whether AWS refused the credentials, so that newer ones may succeed."""
        return False

    def fresh(self) -> Self:
        """Return a new instance of the same failure.

        One failure reaches many callers; a shared instance would collect all their tracebacks.
        """
        return type(self)(*self.args)


class MissingEnvError(CoreBackendError, KeyError):
    """An environment variable that the function needs is not set.

    Attributes:
        variables: The names of all the variables that are missing.
    """

    def __init__(self, message: str, *, variables: tuple[str, ...] = ()) -> None:
        """Say what is missing, and keep the names for programs."""
        super().__init__(message)
        self.variables = variables

    def fresh(self) -> Self:
        """Return a new instance of the same failure, with the same variables."""
        return type(self)(*self.args, variables=self.variables)

    def __str__(self) -> str:
        """Return the message itself: a KeyError would show its repr."""
        return str(self.args[0])


class InvalidSecretNameError(CoreBackendError, ValueError):
    """A secret's name, id or ARN that AWS, or Lambda's environment, could not accept."""


class ConfigurationError(CoreBackendError):
    """A setting, Region, credentials, endpoint, an extra or the event loop is wrong or missing."""


class SecretError(CoreBackendError):
    """One secret could not be had.

    Attributes:
        secret_id: The name or ARN that was asked for, with its stage or version where one was.
        code: The service's own error code, where the service answered with one.
    """

    def __init__(self, message: str, *, secret_id: str, code: str | None = None) -> None:
        """Keep which secret it was beside the message."""
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
        """Let it be copied and pickled, which by itself passes on nothing but the message."""
        return partial(type(self), secret_id=self.secret_id, code=self.code), (str(self),)


class SecretNotFoundError(SecretError):
    """No secret of that name or ARN in this account and Region."""


class SecretNotSetError(SecretError):
    """The secret is declared, but was never given a value (or has none at that stage)."""


class SecretAccessDeniedError(SecretError):
    """Denied, or absent: a policy scoped to one secret hides which of the two it is."""


class SecretDecryptionError(SecretError):
    """KMS refused to decrypt the value, or the key cannot be used."""


class SecretDeletedError(SecretError):
    """The secret is marked for deletion."""


class SecretFormatError(SecretError):
    """The value is there, but not of the shape its name declares."""


class SecretThrottledError(SecretError):
    """The service turned requests away, for longer than it was worth retrying."""


class SecretUnavailableError(SecretError):
    """The service or the network failed, for longer than it was worth retrying."""


class SecretTimeoutError(SecretError, TimeoutError):
    """No answer came in the time that was allowed, or that was left of the invocation."""


class SecretsFailedError(SecretError):
    """Several secrets of one batch failed; those that did not are cached all the same.

    Attributes:
        failures: Each failed secret's id, with its error.
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
        """Keep the single failures beside the message that lists them."""
        super().__init__(message, secret_id=secret_id, code=code)
        self.failures = MappingProxyType(dict(failures or {}))

    @classmethod
    def of(cls, failures: Mapping[str, SecretError]) -> SecretsFailedError:
        """Build the error for these failures; its message names each of them and why.

        The Lambda runtime client reports only a message, so the message has to say it all.
        """
        lines = "".join(f"\n  {type(e).__name__}: {e}" for e in failures.values())
        return cls(
            f"{len(failures)} secrets could not be fetched:{lines}",
            secret_id=", ".join(failures),
            failures=failures,
        )

    def fresh(self) -> SecretsFailedError:
        """Return a new instance of the same failures."""
        return type(self).of({name: error.fresh() for name, error in self.failures.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be copied and pickled, with its failures."""
        return type(self).of, (dict(self.failures),)
