"""Reading the function's environment, with errors that say who should have filled it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar, overload

from core_backend.errors import InvalidSecretNameError, MissingEnvError
from core_backend.names import SecretId, SecretName

if TYPE_CHECKING:
    from collections.abc import Iterable

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
def get_env(name: str, default: Any = _REQUIRED) -> Any:
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
        InvalidSecretNameError: ``name`` is empty, or not a string.
    """
    found = _read(name)
    if found is None:
        if default is _REQUIRED:
            raise _missing([name])
        found = default
    if isinstance(name, SecretName) and isinstance(found, str):
        return SecretId.of(found, name)
    return found


def get_envs(names: Iterable[SecretName[Any]]) -> list[SecretId[Any]]:
    """Read several secrets' variables, and name all that are missing in one error.

    Raises:
        MissingEnvError: One or more are missing.
    """
    found = [(name, _read(name)) for name in names]
    missing = [name for name, value in found if value is None]
    if missing:
        raise _missing(missing)
    return [SecretId.of(value, name) for name, value in found if value is not None]


def _read(name: object) -> str | None:
    if not isinstance(name, str) or not name:
        raise InvalidSecretNameError(
            f"get_env takes the name of an environment variable or a SecretName, not {name!r}"
        )
    value = os.environ.get(name)
    if isinstance(name, SecretName):
        # An empty real name is a step forgotten, never a value somebody meant.
        return value or os.environ.get(name.env_key) or None
    if value is None:
        key = _derived_key(name)
        return None if key is None else os.environ.get(key)
    return value


def _derived_key(name: str) -> str | None:
    try:
        return SecretName(name).env_key
    except InvalidSecretNameError:
        return None


def _missing(names: list[Any]) -> MissingEnvError:
    variables = tuple(_variable(name) for name in names)
    return MissingEnvError("\n".join(map(_explain, names, variables)), variables=variables)


def _variable(name: str) -> str:
    if isinstance(name, SecretName):
        return name.env_key
    return _derived_key(name) or name


def _explain(name: str, variable: str) -> str:
    # Here and not above: only a failure pays for the import.
    from difflib import get_close_matches  # noqa: PLC0415

    state = "is empty" if os.environ.get(variable) == "" else "is not set"
    text = f"the environment variable {variable} {state}"
    if name != variable:
        text += f" (nor is {name!s})" if state == "is not set" else ""
    close = get_close_matches(variable, os.environ, n=3, cutoff=0.6)
    if close := [c for c in close if c != variable]:
        text += f"; set are the similar {', '.join(close)}"
    if isinstance(name, SecretName):
        return (
            f"{text}. It carries the real name of secret {str(name)!r}: declare it in the stack, "
            f"environment={{{variable}: secret.secret_name}}, and deploy; in a test, set it to "
            f"the secret's name"
        )
    return f"{text}. Set it in the function's environment, or pass get_env a default"
