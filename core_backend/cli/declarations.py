"""The secrets that a module declares, as the commands need them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core_backend._shapes import Binary
from core_backend.errors import ConfigurationError
from core_backend.names import SecretName, get_resource_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from types import ModuleType
    from typing import TypeGuard

__all__ = ["Declarations", "DeclaredSecret", "load_declarations"]


# Not the file's own name, which may be that of a module of the standard library.
_FILE_MODULE = "core_backend_names_file"
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
    secrets: tuple[DeclaredSecret, ...]

    def find(self, name: str) -> DeclaredSecret:
        """Return the secret of that name, or whose environment variable has it.

        Raises:
            ConfigurationError: There is none; names those that are close.
        """
        by_key = {secret.env_key: secret for secret in self.secrets}
        by_name = {secret.name: secret for secret in self.secrets}
        if (secret := by_name.get(name) or by_key.get(name)) is not None:
            return secret
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
        ConfigurationError: It cannot be imported, or declares no secret.
    """
    shapes: dict[str, list[SecretName[Any]]] = {}
    for value in vars(_imported(module)).values():
        if _is_secret_name(value):
            shapes.setdefault(str(value), []).append(value)
    if not shapes:
        raise ConfigurationError(
            f"{module} declares no secret: it needs a line such as "
            f'STRIPE_API_KEY = SecretName("stripe-api-key")'
        )
    secrets = (DeclaredSecret(name, tuple(found)) for name, found in shapes.items())
    return Declarations(module, tuple(secrets))


def _is_secret_name(value: object) -> TypeGuard[SecretName[Any]]:
    return isinstance(value, SecretName)


def _imported(module: str) -> ModuleType:
    path = Path(module)
    is_path = path.suffix == ".py"
    if is_path and not path.is_file():
        raise ConfigurationError(f"there is no file {module}")
    try:
        with _importing_from(path.resolve().parent if is_path else Path.cwd()):
            return _load_file(path) if is_path else importlib.import_module(module)
    except Exception as error:
        # Whatever a module's own code raises.
        raise ConfigurationError(f"{module} cannot be imported ({_first_line(error)})") from error


@contextmanager
def _importing_from(folder: Path) -> Generator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(_FILE_MODULE, path)
    assert spec is not None  # noqa: S101  # the suffix is .py
    assert spec.loader is not None  # noqa: S101  # as above
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses look for the module that they are in.
    sys.modules[_FILE_MODULE] = module
    spec.loader.exec_module(module)
    return module


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _some(names: Iterable[str]) -> str:
    *first, last = list(names)[: _SHOWN + 1]
    return ", ".join([*first, last if len(first) < _SHOWN else "..."])
