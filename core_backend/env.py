"""Reading the function's environment, with errors that say who should have filled it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar, overload

from core_backend.errors import InvalidSecretNameError, MissingEnvError
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
    """Read the environment variable ``name``, or the one derived from it.

    A variable of that exact name wins. Else ``SecretName(name).env_key`` is read, so
    ``get_env("stripe-api-key")`` finds ``STRIPE_API_KEY``.

    Args:
        name: A variable's name, or a secret's.
        default: What to return where the variable is missing. Without it that is an error.

    Returns:
        The variable's text. For a ``SecretName[T]`` a ``SecretId[T]``, which is that text and
        still knows the secret's stage, version and how its value is parsed.

    Raises:
        MissingEnvError: No such variable is set, or a secret's is empty; names the closest ones.
        InvalidSecretNameError: ``name`` can be no variable's name, or what the variable holds can
            be no secret's.
    """
    # Most calls find what the last one found; that is all a cached secret costs beside its hit.
    if name.__class__ is SecretName and (known := _known_id(name)) is not None:
        return known
    found = _find(name)
    if found is None and default is _REQUIRED:
        raise _missing([name])
    if _is_secret_name(name):
        return _default_id(name, default) if found is None else _id_of(name, found)
    return default if found is None else found.text


def get_envs(names: Iterable[SecretName[Any]]) -> list[SecretId[Any]]:
    """Read several secrets' variables, and name all that are missing in one error.

    Raises:
        MissingEnvError: One or more are missing.
        InvalidSecretNameError: What a variable holds can be no secret's name or ARN.
    """
    found = [(name, _find(name)) for name in names]
    missing = [name for name, variable in found if variable is None]
    if missing:
        raise _missing(missing)
    return [_id_of(name, variable) for name, variable in found if variable is not None]


def _known_id(name: Any) -> SecretId[Any] | None:
    """Return what the name was last found to stand for, if its variable still says so."""
    last: SecretId[Any] | None = name.last_id
    if last is None:
        return None
    # As a plain str: os.environ encodes a subclass at three times the cost.
    text = os.environ.get(str(name)) or os.environ.get(name.env_key)
    return last if text == last else None


class _Variable:
    __slots__ = ("name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text


def _find(name: object) -> _Variable | None:
    # Not printable: what no variable's name holds, and what os.environ cannot encode.
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InvalidSecretNameError(
            f"get_env takes the name of an environment variable, or a SecretName, not {name!r:.80}"
        )
    # A secret's real name is never meant to be empty; any other variable may be.
    may_be_empty = not _is_secret_name(name)
    return _variable(name, may_be_empty=may_be_empty) or _variable(
        _derived_key(name), may_be_empty=may_be_empty
    )


def _variable(key: str | None, *, may_be_empty: bool) -> _Variable | None:
    text = None if key is None else os.environ.get(key)
    if key is None or text is None or not (text or may_be_empty):
        return None
    return _Variable(key, text)


def _is_secret_name(name: object) -> TypeGuard[SecretName[Any]]:
    return isinstance(name, SecretName)


def _id_of(name: SecretName[Any], found: _Variable) -> SecretId[Any]:
    try:
        return SecretId.of(found.text, name)
    except InvalidSecretNameError as error:
        raise InvalidSecretNameError(
            f"the environment variable {found.name} is to carry the real name of secret "
            f"{str(name)!r}: {error}"
        ) from None


def _default_id(name: SecretName[Any], default: Any) -> Any:
    if not isinstance(default, str):
        return default
    try:
        return SecretId.of(default, name)
    except InvalidSecretNameError as error:
        raise InvalidSecretNameError(
            f"get_env's default for secret {str(name)!r}: {error}; to do without the secret, "
            f"pass None"
        ) from None


def _derived_key(name: str) -> str | None:
    if _is_secret_name(name):
        return name.env_key
    try:
        return SecretName(name).env_key
    except InvalidSecretNameError:
        return None


def _missing(names: list[Any]) -> MissingEnvError:
    variables = tuple(_derived_key(name) or str(name) for name in names)
    return MissingEnvError("\n".join(map(_explain, names, variables)), variables=variables)


def _explain(name: str, variable: str) -> str:
    # Here and not above: only a failure pays for the import.
    from difflib import get_close_matches  # noqa: PLC0415

    if os.environ.get(variable) == "":
        text = f"the environment variable {variable} is empty"
    elif name == variable:
        text = f"the environment variable {variable} is not set"
    else:
        text = f"the environment variable {variable} is not set (nor is {name!s})"
    others = (key for key in os.environ if key != variable and key.isprintable())
    if close := get_close_matches(variable, others, n=3, cutoff=0.6):
        text += f"; set are the similar {', '.join(close)}"
    if _is_secret_name(name):
        return (
            f"{text}. It carries the real name of secret {str(name)!r}: declare it in the stack, "
            f"environment={{{variable}: secret.secret_name}}, and deploy; in a test, fake "
            f"the secret, which sets it: fake_secrets[NAME] = value"
        )
    return f"{text}. Set it in the function's environment, or pass get_env a default"
