"""The names that a service declares, out of the module that declares them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.errors import ConfigurationError
from core_backend.names import SecretName

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

__all__ = [
    "DeclaredNames",
    "NamesModuleFailedError",
    "declared_names",
    "importing_from",
    "names_module",
]

_PARENT = "core_backend_names"
# Whose frames stand between this file's and those of a module's own code.
_IMPORTING = (__file__, importlib.__file__)


class NamesModuleFailedError(ConfigurationError):
    """The module of names is there, but its own code fails."""


class DeclaredNames(NamedTuple):
    """The module of names, as code refers to it."""

    module: str
    """The last part of its name, by which imports are recognised."""
    attributes: Mapping[str, SecretName[Any]]
    """What it calls each name."""
    everything: frozenset[str] = frozenset()
    """All that the module has, names or not."""
    path: Path | None = None
    """Its file."""

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
    module = names if isinstance(names, ModuleType) else names_module(names)
    found = {attribute: value for attribute, value in vars(module).items() if _is_name(value)}
    if not found:
        raise ConfigurationError(
            f"{module.__name__} declares no SecretName; pass the module that does, such as "
            f"names='src/secret_names.py'"
        )
    file = getattr(module, "__file__", None)
    return DeclaredNames(
        module=module.__name__.rpartition(".")[2],
        attributes=found,
        everything=frozenset(dir(module)),
        path=None if file is None else Path(file),
    )


def names_module(names: str | os.PathLike[str]) -> ModuleType:
    """Import the module of names.

    Args:
        names: Its dotted name, looked up from the working directory on, or the path of its file,
            which may import the files beside it.

    Raises:
        NamesModuleFailedError: Its own code fails, or ends the process; tells in which line.
        ConfigurationError: There is no such module, or it cannot be imported.
    """
    given = os.fspath(names)
    path = Path(given)
    is_path = path.suffix == ".py"
    if is_path and not path.is_file():
        raise ConfigurationError(f"there is no file {given}; pass the module that declares names")
    try:
        with importing_from(path.resolve().parent if is_path else Path.cwd()):
            return _load(path) if is_path else importlib.import_module(given)
    except (Exception, SystemExit) as error:
        # Whatever a module's own code raises.
        fault = f"{type(error).__name__}: {error}".partition("\n")[0]
        if (place := _place(error)) is not None:
            raise NamesModuleFailedError(
                f"the module of names {given!r} fails when it is imported: {place}: {fault}"
            ) from error
        hint = "" if is_path else "; pass the path of its file, such as 'src/secret_names.py'"
        raise ConfigurationError(
            f"the module of names {given!r} cannot be imported ({fault}){hint}"
        ) from error


def _place(error: BaseException) -> str | None:
    """Return where a module's own code failed; ``None`` where none of it ran."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{error.filename}, line {error.lineno}"
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename not in _IMPORTING and not frame.filename.startswith("<frozen importlib"):
            return f"{frame.filename}, line {frame.lineno}"
    return None


def _is_name(value: object) -> bool:
    return isinstance(value, SecretName)


@contextmanager
def importing_from(folder: Path) -> Generator[None]:
    """Let imports look into a folder first."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _load(path: Path) -> ModuleType:
    # Below a name of its own: a file may be called as a module of the standard library is.
    name = f"{_PARENT}.{path.parent.name if path.stem == '__init__' else path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # noqa: S101  # as it is for every file that ends in .py
    assert spec.loader is not None  # noqa: S101  # the same
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses look for the module that they are in.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
