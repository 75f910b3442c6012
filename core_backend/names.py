"""Names and ids of secrets, which the stack, the command line and the handler share.

This module imports only the standard library, so that a stack does not need a handler's
dependencies, nor a handler a stack's.
"""

# ruff: noqa: D102  # what is declared for type checkers has its docstring in _Reference

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from core_backend._rules import (
    DEFAULT_STAGE,
    RESERVED_ENV_KEYS,
    check_env_key,
    check_field,
    check_name,
    check_parse,
    check_secret_id,
    check_stage,
    check_version,
    derive_env_key,
)
from core_backend.errors import InvalidSecretNameError
from core_backend.values import (
    Binary,
    Field,
    hash_parser,
    name_parser,
    parse_json,
    read_as_stored,
)

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

Key = str | tuple[str, str, str | None]
T = TypeVar("T")
S = TypeVar("S")


class _Reference(str, Generic[T]):
    """A ``str`` that refers to a secret, and knows how the secret's value is read.

    Two references are equal if they read the same: the same text, shape, field, parser, stage and
    version; for names also the same variable. A reference without shape, stage and version equals
    its text as well. One that has them does not, and hashes apart: ``typing``, ``lru_cache`` and
    dicts would otherwise take one field of a secret for another.
    """

    __slots__ = ("parse", "stage", "text", "version_id")

    text: str
    """The name or id as a plain ``str``."""
    parse: Callable[[Any], T] | None
    """Turns the stored value into ``T``; ``None`` returns it as it is stored."""
    stage: str
    """The staging label."""
    version_id: str | None
    """The version, if one is pinned."""
    variables: tuple[str, ...] = ()
    """The environment variables that may carry the real name; the first that is set counts."""

    if TYPE_CHECKING:
        # get_secrets infers T from this; see Yields in _typing.py. At run time it is str's own.
        def __getnewargs__(self) -> tuple[T]: ...  # type: ignore[override]

        # Returns another reference to the same secret.
        def _read_as(self, parse: Any, stage: str, version_id: str | None) -> Any: ...

    def json(self) -> Any:
        """Return this secret read as JSON: a document whose strings do not show in a repr."""
        return self._read_as(parse_json, self.stage, self.version_id)

    def field(self, key: str, parse: Any = None) -> Any:
        """Return this secret read as one field of a JSON object.

        Args:
            key: The field's name. Not a path: dots have no meaning.
            parse: Turns the field into what ``await`` returns, such as ``int`` for a port. It is
                called with what JSON has there: a plain ``str``, a number, a ``list``, a ``dict``.
                Without it, the field must be a string.
        """
        reader = Field(check_field(key, self), check_parse(parse, self))
        return self._read_as(reader, self.stage, self.version_id)

    def binary(self, parse: Any = None) -> Any:
        """Return this secret read as binary.

        Args:
            parse: Turns the stored bytes into what ``await`` returns; without it, the bytes.
        """
        return self._read_as(Binary(check_parse(parse, self)), self.stage, self.version_id)

    def as_stored(self) -> Any:
        """Return this secret read as it is stored: ``str`` if it is text, ``bytes`` if binary."""
        return self._read_as(read_as_stored, self.stage, self.version_id)

    def staged(self, stage: str) -> Any:
        """Return this secret at another staging label, such as ``"AWSPREVIOUS"``."""
        return self._read_as(self.parse, check_stage(stage, self), None)

    def versioned(self, version_id: str) -> Any:
        """Return this secret pinned to one version."""
        return self._read_as(self.parse, DEFAULT_STAGE, check_version(version_id, self))

    def __eq__(self, other: object) -> bool:
        """Return whether both read the same."""
        if isinstance(other, _Reference):
            return self._identity() == other._identity()
        if not isinstance(other, str):
            return NotImplemented
        return self._is_plain() and self.text == other

    def __ne__(self, other: object) -> bool:
        """Return whether they read differently. By default, ``str`` would compare the texts."""
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __hash__(self) -> int:
        if self._is_plain():
            return hash(self.text)
        return hash((self.text, self.stage, self.version_id, hash_parser(self.parse)))

    def __repr__(self) -> str:
        """Return the class, the name and how it is read, none of which is secret."""
        shown = [repr(self.text)]
        if self.variables and self.variables[0] != self.text:
            shown.append(f"env_key={self.variables[0]!r}")
        if self.parse is not None:
            shown.append(f"parse={name_parser(self.parse)}")
        if self.stage != DEFAULT_STAGE:
            shown.append(f"stage={self.stage!r}")
        if self.version_id is not None:
            shown.append(f"version_id={self.version_id!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _is_plain(self) -> bool:
        return self.parse is None and self.version_id is None and self.stage == DEFAULT_STAGE

    def _identity(self) -> tuple[object, ...]:
        return self.text, self.variables, self.parse, self.stage, self.version_id


class SecretName(_Reference[T]):
    """The name of one secret, as code calls it: the same in every environment.

    Args:
        name: 1 to 512 characters: letters, digits and ``/_+=.@-``.
        env_key: The environment variable that carries the secret's real name, if somebody else
            chose it: ``STRIPE_SIGNING_SECRET_ARN``. Only that variable is read then. Without it,
            the variable is ``STRIPE_API_KEY`` for ``stripe-api-key``; a variable that is called
            exactly as the secret takes precedence, if there is one.
        parse: Turns the stored text, a plain ``str``, into what ``await`` returns; without it,
            the text itself. Called at each ``await``. An error in it becomes a
            ``SecretFormatError`` that quotes nothing of the text. ``SystemExit`` and others that
            end the process are raised as they are, without their text.
        stage: The staging label to read.
        version_id: The version to read, whatever its stage.

    Raises:
        InvalidSecretNameError: AWS does not allow the name, or Lambda the variable; or ``name``
            is a ``SecretName`` whose shape, stage, version or variable would be lost.
    """

    __slots__ = ("last_id", "variables")

    last_id: SecretId[T] | None
    """The id that the name stood for when it was last read; environments rarely change."""

    @overload
    def __new__(
        cls,
        name: str,
        *,
        env_key: str | None = None,
        parse: None = None,
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
    ) -> SecretName[str]: ...
    @overload
    def __new__(
        cls,
        name: str,
        *,
        env_key: str | None = None,
        parse: Callable[[str], T],
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
    ) -> SecretName[T]: ...
    def __new__(
        cls,
        name: str,
        *,
        env_key: str | None = None,
        parse: Callable[[Any], Any] | None = None,
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
    ) -> SecretName[Any]:
        """Check the name, and derive the variable that carries the real one."""
        text = check_name(name)
        if env_key is None:
            key = derive_env_key(text)
            variables = (key,) if key == text else (text, key)
        else:
            variables = (check_env_key(env_key, text),)
        _check_nothing_lost(name, variables)
        parse = check_parse(parse, text)
        return cls._make(
            text, variables, parse, check_stage(stage, text), check_version(version_id, text)
        )

    @classmethod
    def _make(
        cls, text: str, variables: tuple[str, ...], parse: Any, stage: str, version_id: str | None
    ) -> SecretName[Any]:
        self: SecretName[Any] = str.__new__(cls, text)
        self.text = text
        self.variables = variables
        self.parse = parse
        self.stage = stage
        self.version_id = version_id
        self.last_id = None
        return self

    if TYPE_CHECKING:
        # What type checkers have to know of _Reference's methods.
        def json(self) -> SecretName[Any]: ...
        @overload
        def field(self, key: str, parse: None = None) -> SecretName[str]: ...
        @overload
        def field(self, key: str, parse: Callable[[Any], S]) -> SecretName[S]: ...
        def field(self, key: str, parse: Any = None) -> Any: ...
        @overload
        def binary(self, parse: None = None) -> SecretName[bytes]: ...
        @overload
        def binary(self, parse: Callable[[bytes], S]) -> SecretName[S]: ...
        def binary(self, parse: Any = None) -> Any: ...
        def as_stored(self) -> SecretName[str | bytes]: ...
        def staged(self, stage: str) -> SecretName[T]: ...
        def versioned(self, version_id: str) -> SecretName[T]: ...

    @property
    def env_key(self) -> str:
        """The environment variable that carries the real name."""
        return self.variables[-1]

    def __reduce__(self) -> tuple[Any, ...]:
        """Support copying and pickling."""
        return type(self)._make, self._identity()

    def _read_as(self, parse: Any, stage: str, version_id: str | None) -> Any:
        return self._make(self.text, self.variables, parse, stage, version_id)


class SecretId(_Reference[T]):
    """The real name or ARN of one secret, which knows how the secret's value is read.

    ``get_env`` returns these. Make one yourself from a name or ARN that only running tells:
    ``SecretId(arn).json()``.

    Args:
        value: The name or ARN.
        parse, stage, version_id: As for ``SecretName``.

    Raises:
        InvalidSecretNameError: No secret can have that name or ARN; or ``value`` is a
            ``SecretName`` or ``SecretId`` whose shape, stage or version would be lost.
    """

    __slots__ = ("key",)

    key: Key
    """The cache's key for the value, made of id, stage and version."""

    @overload
    def __new__(
        cls,
        value: str,
        *,
        parse: None = None,
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
    ) -> SecretId[str]: ...
    @overload
    def __new__(
        cls,
        value: str,
        *,
        parse: Callable[[str], T],
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
    ) -> SecretId[T]: ...
    def __new__(
        cls,
        value: str,
        *,
        parse: Callable[[Any], Any] | None = None,
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
    ) -> SecretId[Any]:
        """Check the id."""
        text = check_secret_id(value)
        _check_nothing_lost(value)
        parse = check_parse(parse, text)
        return cls._make(text, parse, check_stage(stage, text), check_version(version_id, text))

    @classmethod
    def _make(cls, text: str, parse: Any, stage: str, version_id: str | None) -> SecretId[Any]:
        self: SecretId[Any] = str.__new__(cls, text)
        self.text = text
        self.parse = parse
        self.stage = stage
        self.version_id = version_id
        self.key = cache_key(text, stage, version_id)
        return self

    @staticmethod
    def of(value: str, like: SecretName[S]) -> SecretId[S]:
        """Return the id ``value``, read as the declared name ``like`` is read."""
        last = like.last_id
        if last is not None and last.text == value:
            return last
        made = SecretId._make(check_secret_id(value), like.parse, like.stage, like.version_id)
        like.last_id = made
        return made

    if TYPE_CHECKING:
        # What type checkers have to know of _Reference's methods.
        def json(self) -> SecretId[Any]: ...
        @overload
        def field(self, key: str, parse: None = None) -> SecretId[str]: ...
        @overload
        def field(self, key: str, parse: Callable[[Any], S]) -> SecretId[S]: ...
        def field(self, key: str, parse: Any = None) -> Any: ...
        @overload
        def binary(self, parse: None = None) -> SecretId[bytes]: ...
        @overload
        def binary(self, parse: Callable[[bytes], S]) -> SecretId[S]: ...
        def binary(self, parse: Any = None) -> Any: ...
        def as_stored(self) -> SecretId[str | bytes]: ...
        def staged(self, stage: str) -> SecretId[T]: ...
        def versioned(self, version_id: str) -> SecretId[T]: ...

    def __reduce__(self) -> tuple[Any, ...]:
        """Support copying and pickling."""
        return type(self)._make, (self.text, self.parse, self.stage, self.version_id)

    def _read_as(self, parse: Any, stage: str, version_id: str | None) -> Any:
        return self._make(self.text, parse, stage, version_id)


def _check_nothing_lost(name: str, variables: tuple[str, ...] = ()) -> None:
    """Refuse to make a plain name or id of one that says more."""
    if not isinstance(name, _Reference):
        return
    if name != name.text or (variables and name.variables not in ((), variables)):
        raise InvalidSecretNameError(
            f"{name!r} has a shape, stage, version or variable that another name made of it "
            f"would lose; use it as it is, or begin with its text: str(name)"
        )


def cache_key(secret_id: str, stage: str, version_id: str | None) -> Key:
    """Return the key that a value is cached under.

    It is the id alone at the usual stage: a ``str`` remembers its hash, a tuple does not.
    """
    usual = version_id is None and stage == DEFAULT_STAGE
    return secret_id if usual else (secret_id, stage, version_id)


def get_resource_name(name: str, env_name: str) -> str:
    """Return the real name of a secret in one environment: ``"{env_name}/{name}"``.

    The stack and the command line both use it.

    Raises:
        InvalidSecretNameError: One of the two, or both together, cannot be a secret's name.
    """
    secret, environment = check_name(name), check_name(env_name, "environment name")
    return check_name(f"{environment}/{secret}")
