"""The secrets that a module declares, as the commands need them."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from core_backend.cli.errors import CommandError
from core_backend.errors import ConfigurationError
from core_backend.names import get_resource_name
from core_backend.values import Binary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from core_backend.names import SecretName

__all__ = ["Declarations", "DeclaredSecret", "load_declarations"]

_SHOWN = 10


@dataclass(frozen=True)
class DeclaredSecret:
    """One secret, with each of the shapes in which it is declared."""

    name: str
    shapes: tuple[SecretName[Any], ...]

    @property
    def env_key(self) -> str:
        """The environment variable that carries the real name."""
        return self.shapes[0].env_key

    @property
    def binary(self) -> bool:
        """Whether the value is bytes."""
        return any(isinstance(shape.parse, Binary) for shape in self.shapes)

    def real_name(self, env_name: str) -> str:
        """Return what the secret is called in AWS."""
        return get_resource_name(self.name, env_name)


@dataclass(frozen=True)
class Declarations:
    """All the secrets of one module, in the order in which it declares them."""

    module: str
    """As ``--names`` was given, to be shown in messages."""
    imported: ModuleType
    secrets: tuple[DeclaredSecret, ...]

    def find(self, name: str) -> DeclaredSecret:
        """Return the secret of that name, or whose environment variable has it.

        Raises:
            ConfigurationError: There is none, and names those that are close; or several have the
                variable.
        """
        by_name = {secret.name: secret for secret in self.secrets}
        if (secret := by_name.get(name)) is not None:
            return secret
        by_key: dict[str, list[DeclaredSecret]] = {}
        for one in self.secrets:
            by_key.setdefault(one.env_key, []).append(one)
        match by_key.get(name, []):
            case [secret]:
                return secret
            case [_, *_] as several:
                names = " and ".join(secret.name for secret in several)
                raise ConfigurationError(
                    f"{name} is the variable of {names}; give the name of the one that is meant"
                )
            case _:
                pass
        # The name is not quoted: who confuses what goes where may have typed, or filed, a value.
        close = get_close_matches(name, [*by_name, *by_key], n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {_some(by_name)}"
        raise ConfigurationError(f"{self.module} declares no such secret; {hint}")


def load_declarations(module: str) -> Declarations:
    """Import a module and return the secrets it declares.

    Args:
        module: A dotted name, looked up from the working directory on, or a path to a ``.py``
            file.

    Raises:
        CommandError: Its own code fails.
        ConfigurationError: It cannot be found, or declares no secret.
    """
    # Here and not above: help is there before a module of names is read.
    from core_backend.deploy.declared import (  # noqa: PLC0415
        NamesModuleFailedError,
        declared_names,
        names_module,
    )

    try:
        # Standard output is the command's own: a program may read it.
        with redirect_stdout(sys.stderr):
            imported = names_module(module)
    except NamesModuleFailedError as error:
        raise CommandError(
            str(error), "Correct the module; --debug shows the whole traceback."
        ) from error
    shapes: dict[str, list[SecretName[Any]]] = {}
    for shape in declared_names(imported).attributes.values():
        shapes.setdefault(str(shape), []).append(shape)
    secrets = (DeclaredSecret(name, tuple(found)) for name, found in shapes.items())
    return Declarations(module, imported, tuple(secrets))


def _some(names: Iterable[str]) -> str:
    *first, last = list(names)[: _SHOWN + 1]
    return ", ".join([*first, last if len(first) < _SHOWN else "..."])
