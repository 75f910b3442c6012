"""The module of names: which secrets it declares, and which real names these have."""

from __future__ import annotations

import re
import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.cli.run import CommandError
from core_backend.errors import ConfigurationError
from core_backend.names import get_resource_name
from core_backend.values import Binary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from core_backend.names import SecretName

__all__ = ["Declarations", "DeclaredSecret", "RealNames", "Target", "load_declarations"]

# How many names a message lists.
_SHOWN = 10
# What a message may quote, since it is hardly a value: a few words without digits.
_LOOKS_LIKE_A_NAME = re.compile(r"(?=.{1,24}$)[A-Za-z]+([-_/.][A-Za-z]+)*")


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
        """Return the secret's name in AWS, in one environment."""
        return get_resource_name(self.name, env_name)


class Target(NamedTuple):
    """One declared secret in one environment."""

    secret: DeclaredSecret
    secret_id: str
    """Its real name, or its ARN."""


@dataclass(frozen=True)
class RealNames:
    """Where the real names come from: exactly one of these is given."""

    env_name: str | None = None
    templates: tuple[Path, ...] = ()
    function: str | None = None

    @property
    def options(self) -> str:
        """The options that stand for it, to be repeated in a command that is proposed."""
        if self.function:
            return f"--from-function {shlex.quote(self.function)}"
        if self.templates:
            return " ".join(f"--from-template {shlex.quote(str(one))}" for one in self.templates)
        return f"--env {self.env_name}"

    def __str__(self) -> str:
        """Name it in a message."""
        if self.function:
            return f"function {self.function}"
        return ", ".join(map(str, self.templates)) or f"environment {self.env_name}"


@dataclass(frozen=True)
class Declarations:
    """All the secrets of one module, in the order in which it declares them."""

    module: str
    """The value of ``--names``, for messages."""
    imported: ModuleType
    secrets: tuple[DeclaredSecret, ...]
    options: str
    """The option that names the module in a command that is proposed; empty if it is a default."""

    def find(self, name: str, *, quote: bool = False) -> DeclaredSecret:
        """Return the secret with that name, or with that environment variable.

        Args:
            name: The name or variable.
            quote: Whether the error quotes a name that is unknown. It does so only if the name is
                close to a declared one or looks like a name: it may be a value in the wrong place.

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
        close = get_close_matches(name, [*by_name, *by_key], n=3)
        known = quote and (close or _LOOKS_LIKE_A_NAME.fullmatch(name))
        what = f"no secret {name!r}" if known else "no such secret"
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {_join(by_name)}"
        raise ConfigurationError(f"{self.module} declares {what}; {hint}")


def load_declarations(module: str, folder: Path | None = None) -> Declarations:
    """Import a module, and return the secrets that it declares.

    Args:
        module: A dotted name, looked up from the working directory, or the path of a ``.py``
            file.
        folder: Where pyproject.toml names the module: then a dotted name is looked up from there.

    Raises:
        CommandError: The module's own code fails.
        ConfigurationError: The module cannot be found, or declares no secret.
    """
    # Imported here, so that help appears without it.
    from core_backend.deploy.declared import (  # noqa: PLC0415
        NamesModuleFailedError,
        declared_names,
        importing_from,
        names_module,
    )

    try:
        # What the module prints must not get into output that a program may read.
        with redirect_stdout(sys.stderr), importing_from(folder or Path.cwd()):
            imported = names_module(module)
    except NamesModuleFailedError as error:
        raise CommandError(
            str(error), "Correct the module; --debug shows the whole traceback."
        ) from error
    shapes: dict[str, list[SecretName[Any]]] = {}
    for shape in declared_names(imported).attributes.values():
        shapes.setdefault(str(shape), []).append(shape)
    secrets = (DeclaredSecret(name, tuple(found)) for name, found in shapes.items())
    options = "" if folder else f" --names {shlex.quote(module)}"
    return Declarations(module, imported, tuple(secrets), options)


def _join(names: Iterable[str]) -> str:
    *first, last = list(names)[: _SHOWN + 1]
    return ", ".join([*first, last if len(first) < _SHOWN else "..."])
