"""What a secret is called: one declaration that infrastructure, command line and handler share.

Nothing here is imported but the standard library, so a stack can use it without a handler's
dependencies and a handler without a stack's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from core_backend.errors import InvalidSecretNameError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DEFAULT_STAGE",
    "RESERVED_ENV_KEYS",
    "SecretId",
    "SecretName",
    "check_secret_id",
    "get_resource_name",
]

T = TypeVar("T")

DEFAULT_STAGE = "AWSCURRENT"

# Source: Secrets Manager API reference, CreateSecret (Name), GetSecretValue (SecretId, VersionId,
# VersionStage).
_MAX_NAME = 512
_MAX_ID = 2048
_MAX_STAGE = 256
_MAX_VERSION = 64
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]+")

# Source: Lambda API reference, Environment (Variables).
_ENV_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
# Source: Lambda developer guide, "Defined runtime environment variables": the reserved ones, which
# Lambda refuses, and those a function cannot replace and still start.
RESERVED_ENV_KEYS = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "LANG",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONPATH",
        "TZ",
    }
)
_OWN_PREFIX = "CORE_BACKEND_"


class _Shaped(str, Generic[T]):
    """A ``str`` that knows which version of a secret is meant and what its value parses to."""

    __slots__ = ("parse", "stage", "version_id")

    parse: Callable[[Any], T] | None
    """Turns the stored value into ``T``; ``None`` hands it out as it is."""
    stage: str
    """The staging label."""
    version_id: str | None
    """The version, where one is pinned."""

    if TYPE_CHECKING:
        # What get_secrets infers T from; see Yields in secrets.py. At run time it is str's own.
        def __getnewargs__(self) -> tuple[T]: ...  # type: ignore[override]

    def __repr__(self) -> str:
        """Return the class and the name, which is no secret."""
        return f"{type(self).__name__}({str(self)!r})"


class SecretName(_Shaped[T]):
    """The name of one secret, as the code calls it: the same in every environment.

    Args:
        name: 1 to 512 characters out of letters, digits and ``/_+=.@-``.
        parse: Turns the stored text into what ``await`` returns; without it, the text itself.
        stage: The staging label to read.
        version_id: One version to read, whatever its stage.

    Raises:
        InvalidSecretNameError: The name is not a legal one, or makes no legal environment variable.
    """

    __slots__ = ("env_key",)

    env_key: str
    """The environment variable that carries the real name: ``stripe-api-key`` in
    ``STRIPE_API_KEY``."""

    @overload
    def __new__(
        cls,
        name: str,
        *,
        parse: None = None,
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
    ) -> SecretName[str]: ...

    @overload
    def __new__(
        cls,
        name: str,
        *,
        parse: Callable[[str], T],
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
    ) -> SecretName[T]: ...

    def __new__(
        cls,
        name: str,
        *,
        parse: Callable[[Any], Any] | None = None,
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
    ) -> SecretName[Any]:
        """Check the name, and derive the variable that carries the real one."""
        _check_name(name)
        if parse is not None and not callable(parse):
            raise InvalidSecretNameError(
                f"parse of secret {name!r} is a {type(parse).__name__}, not something to call "
                f"with the stored text; pass a function such as json.loads"
            )
        self: SecretName[Any] = str.__new__(cls, name)
        self.env_key = _env_key_of(name)
        self.parse = parse
        self.stage = _checked("stage", stage, _MAX_STAGE, name)
        self.version_id = (
            None if version_id is None else _checked("version_id", version_id, _MAX_VERSION, name)
        )
        return self

    def staged(self, stage: str) -> SecretName[T]:
        """Return this name at another staging label, such as ``"AWSPREVIOUS"``."""
        return self._variant(stage=stage, version_id=None)

    def versioned(self, version_id: str) -> SecretName[T]:
        """Return this name pinned to one version."""
        return self._variant(stage=DEFAULT_STAGE, version_id=version_id)

    def _variant(self, *, stage: str, version_id: str | None) -> SecretName[T]:
        if self.parse is None:
            # With nothing to parse, T is str; the overloads cannot say so of an instance.
            return SecretName(str(self), stage=stage, version_id=version_id)  # type: ignore[return-value]
        return SecretName(str(self), parse=self.parse, stage=stage, version_id=version_id)


class SecretId(_Shaped[T]):
    """The real name or ARN of one secret, which still knows how its value is read.

    ``get_env`` makes these; there is rarely a reason to make one by hand.
    """

    __slots__ = ()

    @classmethod
    def of(cls, value: str, like: SecretName[T]) -> SecretId[T]:
        """Return the id ``value``, read as the declared name ``like`` is read."""
        self: SecretId[T] = cls(value)
        self.parse = like.parse
        self.stage = like.stage
        self.version_id = like.version_id
        return self


def get_resource_name(name: str, env_name: str) -> str:
    """Return the real name of a secret in one environment: ``"{env_name}/{name}"``.

    The one rule that the stack and the command line share.

    Raises:
        InvalidSecretNameError: Either part, or both together, make no legal secret name.
    """
    _check_name(name)
    _check_name(env_name)
    resource_name = f"{env_name}/{name}"
    _check_name(resource_name)
    return resource_name


def check_secret_id(value: object) -> str:
    """Return ``value`` if it can be a secret's name or ARN.

    Raises:
        InvalidSecretNameError: It is empty, too long, has characters no id has, or is no ``str``.
    """
    if not isinstance(value, str):
        raise InvalidSecretNameError(
            f"a secret is asked for by its name or ARN, a str, not by a {type(value).__name__}"
        )
    if not value.strip():
        raise InvalidSecretNameError(
            "the secret's id is empty; pass its name or ARN, as get_env(NAME) returns it"
        )
    if len(value) > _MAX_ID:
        raise InvalidSecretNameError(
            f"the secret id {value[:40]!r}... has {len(value):,} characters; "
            f"Secrets Manager takes at most {_MAX_ID:,}"
        )
    if not value.isprintable() or value != value.strip():
        raise InvalidSecretNameError(
            f"the secret id {_shown(value)} has control characters or surrounding space; "
            f"check where it was copied or read from"
        )
    return value


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")  # noqa: PLR2004  # one line of log


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise InvalidSecretNameError(f"a secret's name is a str, not a {type(name).__name__}")
    if not name:
        raise InvalidSecretNameError("a secret's name is empty; give it 1 to 512 characters")
    if len(name) > _MAX_NAME:
        raise InvalidSecretNameError(
            f"the secret name {_shown(name)} has {len(name):,} characters; "
            f"Secrets Manager takes at most {_MAX_NAME}"
        )
    if not _NAME.fullmatch(name):
        illegal = "".join(sorted(set(_NAME.sub("", name))))
        raise InvalidSecretNameError(
            f"the secret name {_shown(name)} has characters that Secrets Manager does not take: "
            f"{_shown(illegal)}; use letters, digits and /_+=.@-"
        )


def _env_key_of(name: str) -> str:
    key = re.sub(r"[^A-Za-z0-9_]", "_", name).upper()
    if not _ENV_KEY.fullmatch(key):
        raise InvalidSecretNameError(
            f"the secret name {_shown(name)} would need the environment variable {_shown(key)}, "
            f"which Lambda does not allow: it must begin with a letter and have two characters "
            f"or more; choose a name such as {_suggestion(key)!r}"
        )
    if key in RESERVED_ENV_KEYS or key.startswith(_OWN_PREFIX):
        owner = "core_backend's settings" if key.startswith(_OWN_PREFIX) else "the Lambda runtime"
        raise InvalidSecretNameError(
            f"the secret name {_shown(name)} would need the environment variable {key}, which "
            f"belongs to {owner}; choose another name, such as {'app-' + name!r}"
        )
    return key


def _suggestion(key: str) -> str:
    stem = key.strip("_0123456789").strip("_").lower().replace("_", "-")
    return stem if len(stem) > 1 else f"key-{stem or 'one'}"


def _checked(what: str, value: object, longest: int, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise InvalidSecretNameError(
            f"the {what} of secret {_shown(name)} is {value!r:.80}; "
            f"it must be 1 to {longest} printable characters"
        )
    return value
