"""The module of names: which secrets it declares, and in which shapes."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from core_backend.cli.run import CommandError
from core_backend.errors import ConfigurationError
from core_backend.names import get_resource_name
from core_backend.values import Binary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from core_backend.names import SecretName

__all__ = ["Declarations", "DeclaredSecret", "load_declarations"]

# How many names a message lists.
_SHOWN = 10


@dataclass(frozen=True)
class DeclaredSecret:
    """One secret, with all the shapes in which it is declared."""

    name: str
    shapes: tuple[SecretName[Any], ...]

    @property
    def env_keys(self) -> tuple[str, ...]:
        """The environment variables that carry the real name; usually one."""
        return tuple(dict.fromkeys(shape.env_key for shape in self.shapes))

    @property
    def binary(self) -> bool:
        """Whether the value is bytes."""
        return any(isinstance(shape.parse, Binary) for shape in self.shapes)

    def real_name(self, env_name: str) -> str:
        """Return the secret's name in AWS."""
        return get_resource_name(self.name, env_name)


@dataclass(frozen=True)
class Declarations:
    """All the secrets of one module, in the order in which it declares them."""

    module: str
    """The value of ``--names``, for messages."""
    imported: ModuleType
    secrets: tuple[DeclaredSecret, ...]

    def find(self, name: str) -> DeclaredSecret:
        """Return the secret with that name, or with that environment variable.

        Raises:
            ConfigurationError: No secret has it, or several have the variable.
        """
        by_name = {secret.name: secret for secret in self.secrets}
        if (secret := by_name.get(name)) is not None:
            return secret
        by_key: dict[str, list[DeclaredSecret]] = {}
        for one in self.secrets:
            for key in one.env_keys:
                by_key.setdefault(key, []).append(one)
        match by_key.get(name, []):
            case [secret]:
                return secret
            case [_, *_] as several:
                names = " and ".join(secret.name for secret in several)
                raise ConfigurationError(
                    f"{name} is the variable of {names}; use the name of the secret instead"
                )
            case _:
                pass
        # The name is not quoted: it may be a value that was typed, or filed, in the wrong place.
        close = get_close_matches(name, [*by_name, *by_key], n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {_some(by_name)}"
        raise ConfigurationError(f"{self.module} declares no such secret; {hint}")


def load_declarations(module: str) -> Declarations:
    """Import a module, and return the secrets that it declares.

    Args:
        module: A dotted name, looked up from the working directory, or the path of a ``.py``
            file.

    Raises:
        CommandError: The module's own code fails.
        ConfigurationError: The module cannot be found, or declares no secret.
    """
    # Imported here, so that help appears without it.
    from core_backend.deploy.declared import (  # noqa: PLC0415
        NamesModuleFailedError,
        declared_names,
        names_module,
    )

    try:
        # What the module prints must not get into output that a program may read.
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
