"""Environment variables for the time of a test."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from core_backend.names import SecretName

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

__all__ = ["Variables", "fake_env"]


@contextlib.contextmanager
def fake_env(variables: Mapping[str, str | None]) -> Generator[None]:
    """Set environment variables until the block ends.

    Args:
        variables: The values by name, or by ``SecretName``, which stands for its ``env_key``.
            ``None`` unsets a variable.
    """
    changed = Variables()
    try:
        for name, value in variables.items():
            changed.set(name.env_key if isinstance(name, SecretName) else name, value)
        yield
    finally:
        changed.restore()


class Variables:
    """Changes of environment variables, which can be taken back."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def set(self, name: str, value: str | None) -> None:
        self._before.setdefault(name, os.environ.get(name))
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

    def restore(self) -> None:
        for name, value in self._before.items():
            self.set(name, value)
        self._before.clear()
