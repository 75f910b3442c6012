"""What a secret is called: one declaration that infrastructure, command line and handler share.

Nothing here is imported but the standard library, so a stack can use it without a handler's
dependencies and a handler without a stack's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from core_backend._rules import (
    DEFAULT_STAGE,
    RESERVED_ENV_KEYS,
    check_field,
    check_name,
    check_parse,
    check_secret_id,
    check_stage,
    check_version,
    env_key_of,
)
from core_backend.errors import InvalidSecretNameError
from core_backend.values import Binary, Field, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DEFAULT_STAGE",
    "RESERVED_ENV_KEYS",
    "SecretId",
    "SecretName",
    "cache_key",
    "check_secret_id",
    "get_resource_name",
]

# How a name is read that says nothing of it: parse, stage and version.
_AS_IT_IS = (None, DEFAULT_STAGE, None)

Key = str | tuple[str, str, str | None]
T = TypeVar("T")
S = TypeVar("S")


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
        # What get_secrets infers T from; see Yields in _typing.py. At run time it is str's own.
        def __getnewargs__(self) -> tuple[T]: ...  # type: ignore[override]

    def __repr__(self) -> str:
        """Return the class and the name, which is no secret."""
        return f"{type(self).__name__}({str(self)!r})"


class SecretName(_Shaped[T]):
    """The name of one secret, as the code calls it: the same in every environment.

    Args:
        name: 1 to 512 characters out of letters, digits and ``/_+=.@-``.
        parse: Turns the stored text, a plain ``str``, into what ``await`` returns; without it,
            the text itself. Called anew at each ``await``. Whatever it raises becomes a
            ``SecretFormatError`` that quotes nothing of the text; what ends the process, such as
            ``SystemExit``, stays that, without its text.
        stage: The staging label to read.
        version_id: One version to read, whatever its stage.

    Raises:
        InvalidSecretNameError: The name is not a legal one, or makes no legal environment variable;
            or it is made of one that has a shape, stage or version, which would be lost.
    """

    __slots__ = ("env_key", "last_id")

    env_key: str
    """The environment variable that carries the real name: ``stripe-api-key`` in
    ``STRIPE_API_KEY``."""
    last_id: SecretId[T] | None
    """What the name was last found to stand for; environments rarely change."""

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
        check_name(name)
        _check_unshaped(name)
        self: SecretName[Any] = str.__new__(cls, name)
        self.env_key = env_key_of(name)
        self.last_id = None
        self.parse = check_parse(parse, name)
        self.stage = check_stage(stage, name)
        self.version_id = check_version(version_id, name)
        return self

    def json(self) -> SecretName[Any]:
        """Return this name read as JSON: a document whose strings are masked in its ``repr``."""
        return self._variant(parse_json, self.stage, self.version_id)

    def field(self, key: str) -> SecretName[str]:
        """Return this name read as one field of a JSON object, which is a string.

        Args:
            key: The field's name. Not a path: dots have no meaning.
        """
        return self._variant(Field(check_field(key, self)), self.stage, self.version_id)

    @overload
    def binary(self) -> SecretName[bytes]: ...

    @overload
    def binary(self, parse: Callable[[bytes], S]) -> SecretName[S]: ...

    def binary(self, parse: Callable[[bytes], Any] | None = None) -> SecretName[Any]:
        """Return this name read as binary.

        Args:
            parse: Turns the stored bytes into what ``await`` returns; without it, the bytes.
        """
        return self._variant(Binary(check_parse(parse, self)), self.stage, self.version_id)

    def staged(self, stage: str) -> SecretName[T]:
        """Return this name at another staging label, such as ``"AWSPREVIOUS"``."""
        return self._variant(self.parse, stage, None)

    def versioned(self, version_id: str) -> SecretName[T]:
        """Return this name pinned to one version."""
        return self._variant(self.parse, DEFAULT_STAGE, version_id)

    def _variant(
        self, parse: Callable[[Any], S] | None, stage: str, version_id: str | None
    ) -> SecretName[S]:
        made: SecretName[Any] = SecretName(str(self), stage=stage, version_id=version_id)
        made.parse = parse
        return made


class SecretId(_Shaped[T]):
    """The real name or ARN of one secret, which still knows how its value is read.

    ``get_env`` makes these; there is rarely a reason to make one by hand. It is checked, so what
    is one can be asked for.

    Raises:
        InvalidSecretNameError: No secret can have that name or ARN.
    """

    __slots__ = ("key",)

    key: Key
    """What its value is cached under: id, stage and version."""

    def __new__(cls, value: str) -> SecretId[str]:
        """Check the id; it is read as text, at the usual stage."""
        self: SecretId[Any] = str.__new__(cls, check_secret_id(value))
        self.key = str(value)
        self.parse = None
        self.stage = DEFAULT_STAGE
        self.version_id = None
        return cast("SecretId[str]", self)

    @staticmethod
    def of(value: str, like: SecretName[S]) -> SecretId[S]:
        """Return the id ``value``, read as the declared name ``like`` is read."""
        last = like.last_id
        if last is not None and last == value:
            return last
        self = cast("SecretId[S]", SecretId(value))
        self.parse = like.parse
        self.stage = like.stage
        self.version_id = like.version_id
        self.key = cache_key(str(value), self.stage, self.version_id)
        like.last_id = self
        return self


def _check_unshaped(name: Any) -> None:
    made: Any = name
    if isinstance(name, _Shaped) and (made.parse, made.stage, made.version_id) != _AS_IT_IS:
        raise InvalidSecretNameError(
            f"the secret name {str(made)!r:.80} has a shape, stage or version already, which "
            f"another name made of it would lose; use it as it is, or begin with str(name)"
        )


def cache_key(secret_id: str, stage: str, version_id: str | None) -> Key:
    """Return what a value is cached under.

    The id alone stands for the usual stage, since it hashes once and a tuple each time.
    """
    usual = version_id is None and stage == DEFAULT_STAGE
    return secret_id if usual else (secret_id, stage, version_id)


def get_resource_name(name: str, env_name: str) -> str:
    """Return the real name of a secret in one environment: ``"{env_name}/{name}"``.

    The one rule that the stack and the command line share.

    Raises:
        InvalidSecretNameError: Either part, or both together, make no legal secret name.
    """
    check_name(name)
    check_name(env_name, "environment name")
    resource_name = f"{env_name}/{name}"
    check_name(resource_name)
    return resource_name
