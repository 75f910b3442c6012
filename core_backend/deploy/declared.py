"""The names that a service declares, out of the module that declares them."""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.errors import ConfigurationError
from core_backend.names import SecretName

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DeclaredNames", "declared_names"]


class DeclaredNames(NamedTuple):
    """The module of names, as code refers to it."""

    module: str
    """The last part of its name, by which imports are recognised."""
    attributes: Mapping[str, SecretName[Any]]
    """What it calls each name."""

    @property
    def names(self) -> dict[str, SecretName[Any]]:
        """Each name once, whatever stages or fields of it have attributes of their own."""
        return {str(name): name for name in self.attributes.values()}

    def called(self, text: str) -> str | None:
        """Return the declared name that a text is, or whose variable it is."""
        return next((n for n, name in self.names.items() if text in (n, name.env_key)), None)


def declared_names(names: ModuleType | str | os.PathLike[str]) -> DeclaredNames:
    """Return the names that a module declares.

    Args:
        names: The module, its dotted name, or the path of its file. Unless it is imported
            already, it is now; nothing else of the service is.

    Raises:
        ConfigurationError: There is no such module, or it declares no ``SecretName``.
    """
    module = names if isinstance(names, ModuleType) else _imported(os.fspath(names))
    found = {attribute: value for attribute, value in vars(module).items() if _is_name(value)}
    if not found:
        raise ConfigurationError(
            f"{module.__name__} declares no SecretName; pass the module that does, such as "
            f"names='src/secret_names.py'"
        )
    return DeclaredNames(module.__name__.rpartition(".")[2], found)


def _is_name(value: object) -> bool:
    return isinstance(value, SecretName)


def _imported(names: str) -> ModuleType:
    if not names.endswith(".py"):
        try:
            return importlib.import_module(names)
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"the module of names {names!r} cannot be imported ({error}); pass the path of "
                f"its file, such as 'src/secret_names.py'"
            ) from error
    path = Path(names)
    if not path.is_file():
        raise ConfigurationError(f"there is no file {names}; pass the module that declares names")
    name = path.parent.name if path.stem == "__init__" else path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # noqa: S101  # as it is for every file that ends in .py
    assert spec.loader is not None  # noqa: S101  # the same
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
