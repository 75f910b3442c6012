"""Reading the function's environment, with errors that say who should have filled it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar, overload

from core_backend.errors import InvalidSecretNameError, MissingEnvError, show
from core_backend.names import SecretId, SecretName

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeGuard

__all__ = ["get_env", "get_envs"]

T = TypeVar("T")
D = TypeVar("D")

_REQUIRED: Any = object()


@overload
def get_env(name: SecretName[T]) -> SecretId[T]: ...
@overload
def get_env(name: SecretName[T], default: str) -> SecretId[T]: ...
@overload
def get_env(name: SecretName[T], default: D) -> SecretId[T] | D: ...
@overload
def get_env(name: str) -> str: ...
@overload
def get_env(name: str, default: D) -> str | D: ...
def get_env(name: object, default: Any = _REQUIRED) -> Any:
    """Read the environment variable ``name``, or the one that belongs to a secret of that name.

    A variable that is called exactly ``name`` takes precedence. If there is none,
    ``SecretName(name).env_key`` is read, so ``get_env("stripe-api-key")`` finds
    ``STRIPE_API_KEY``. Of a ``SecretName`` that names its own ``env_key``, only that variable is
    read.

    Args:
        name: The name of a variable, or of a secret.
        default: What to return if the variable is missing. Without it, that is an error.

    Returns:
        The variable's text. For a ``SecretName[T]``, that text as a ``SecretId[T]``, which knows
        the secret's stage, version and how its value is parsed.

    Raises:
        MissingEnvError: No such variable is set, or a secret's is empty. Names the closest ones.
        InvalidSecretNameError: ``name`` cannot be a variable's name, or what the variable holds
            cannot be a secret's.
    """
    # Most calls find what the last one found. This is all that a cached secret costs beside its
    # hit.
    if name.__class__ is SecretName and (known := _known_id(name)) is not None:
        return known
    found = _find(name)
    if found is None and default is _REQUIRED:
        raise _missing([name])
    if _is_secret_name(name):
        return _default_id(name, default) if found is None else _id_of(name, found)
    return default if found is None else found.text


def get_envs(names: Iterable[SecretName[Any]]) -> list[SecretId[Any]]:
    """Read several secrets' variables, and list all that are missing in one error.

    Raises:
        MissingEnvError: One or more are missing.
        InvalidSecretNameError: What a variable holds cannot be a secret's name or ARN.
    """
    found = [(name, _find(name)) for name in names]
    missing = [name for name, variable in found if variable is None]
    if missing:
        raise _missing(missing)
    return [_id_of(name, variable) for name, variable in found if variable is not None]


def _known_id(name: Any) -> SecretId[Any] | None:
    """Return the id that the name last stood for, if its variable still says so."""
    last: SecretId[Any] | None = name.last_id
    if last is None:
        return None
    for variable in name.variables:
        # Plain texts: os.environ takes three times as long to encode a subclass of str.
        text = os.environ.get(variable)
        if text:
            return last if text == last.text else None
    return None


class _Variable:
    __slots__ = ("name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text


def _find(name: object) -> _Variable | None:
    """Return the first variable that is set, of those that may carry what is asked for."""
    if _is_secret_name(name):
        # A secret's real name cannot be empty. Any other variable may be.
        return next(
            (_Variable(key, text) for key in name.variables if (text := os.environ.get(key))), None
        )
    # os.environ cannot encode every text that is not printable, and no variable has such a name.
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InvalidSecretNameError(
            f"get_env takes the name of an environment variable, or a SecretName, not {show(name)}"
        )
    text = str.__str__(name)
    if text in os.environ:
        return _Variable(text, os.environ[text])
    key = _variables(name)[-1]
    return _Variable(key, os.environ[key]) if key in os.environ else None


def _is_secret_name(name: object) -> TypeGuard[SecretName[Any]]:
    return isinstance(name, SecretName)


def _variables(name: str) -> tuple[str, ...]:
    """Return the variables that may carry what is asked for, in the order they are read."""
    if _is_secret_name(name):
        return name.variables
    try:
        return SecretName(str.__str__(name)).variables
    except InvalidSecretNameError:
        return (str.__str__(name),)


def _id_of(name: SecretName[Any], found: _Variable) -> SecretId[Any]:
    try:
        return SecretId.of(found.text, name)
    except InvalidSecretNameError as error:
        raise InvalidSecretNameError(
            f"the environment variable {found.name} must carry the real name of secret "
            f"{name.text!r}: {error}"
        ) from None


def _default_id(name: SecretName[Any], default: Any) -> Any:
    if not isinstance(default, str):
        return default
    try:
        return SecretId.of(default, name)
    except InvalidSecretNameError as error:
        raise InvalidSecretNameError(
            f"get_env's default for secret {name.text!r}: {error}; to do without the secret, "
            f"pass None"
        ) from None


def _missing(names: list[Any]) -> MissingEnvError:
    return MissingEnvError(
        "\n".join(map(_explain, names)), variables=tuple(_variables(name)[-1] for name in names)
    )


def _explain(name: str) -> str:
    # Only a failure pays for the import.
    from difflib import get_close_matches  # noqa: PLC0415

    *others, variable = _variables(name)
    if os.environ.get(variable) == "":
        text = f"the environment variable {variable} is empty"
    else:
        text = f"the environment variable {variable} is not set"
        text += "".join(f" (nor is {other})" for other in others)
    printable = (key for key in os.environ if key != variable and key.isprintable())
    if close := get_close_matches(variable, printable, n=3, cutoff=0.6):
        text += f"; similar ones that are set: {', '.join(close)}"
    if _is_secret_name(name):
        return (
            f"{text}. It carries the real name of secret {name.text!r}: declare it in the stack, "
            f'environment={{"{variable}": secret.secret_name}}, and deploy; in a test, fake the '
            f"secret, which sets it: fake_secrets[NAME] = value"
        )
    return f"{text}. Set it in the function's environment, or pass get_env a default"
