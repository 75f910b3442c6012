"""Await AWS Secrets Manager secrets in async Lambda handlers."""

from core_backend._engine.cache import SecretsInfo
from core_backend.env import get_env
from core_backend.errors import (
    ConfigurationError,
    CoreBackendError,
    InvalidSecretNameError,
    MissingEnvError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretError,
    SecretFormatError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretsFailedError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.handler import async_handler, prefetch, sync_handler
from core_backend.names import SecretId, SecretName, get_resource_name
from core_backend.pending import PendingSecret, SecretBatch
from core_backend.secrets import (
    clear_secrets,
    configure,
    get_secret,
    get_secrets,
    secrets_info,
    with_secret,
    with_secret_sync,
)
from core_backend.values import SecretBytes, SecretText

__all__ = [
    "ConfigurationError",
    "CoreBackendError",
    "InvalidSecretNameError",
    "MissingEnvError",
    "PendingSecret",
    "SecretAccessDeniedError",
    "SecretBatch",
    "SecretBytes",
    "SecretDecryptionError",
    "SecretDeletedError",
    "SecretError",
    "SecretFormatError",
    "SecretId",
    "SecretName",
    "SecretNotFoundError",
    "SecretNotSetError",
    "SecretText",
    "SecretThrottledError",
    "SecretTimeoutError",
    "SecretUnavailableError",
    "SecretsFailedError",
    "SecretsInfo",
    "async_handler",
    "clear_secrets",
    "configure",
    "get_env",
    "get_resource_name",
    "get_secret",
    "get_secrets",
    "prefetch",
    "secrets_info",
    "sync_handler",
    "with_secret",
    "with_secret_sync",
]
