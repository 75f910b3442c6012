"""Shapes that type checkers are told of. Imported by them alone: a cold start has no use for it."""

from __future__ import annotations

from typing import Protocol, TypeVar

__all__ = ["Yields"]

T_co = TypeVar("T_co", covariant=True)


class Yields(Protocol[T_co]):
    """What a secret is asked for by, and the type its value has.

    A ``SecretName[T]`` or ``SecretId[T]`` yields ``T``, a plain ``str`` yields ``str``. A ``str``
    has no type parameter to say so with; for type checkers only, one of its methods stands in.
    """

    def __getnewargs__(self) -> tuple[T_co]: ...

    def casefold(self) -> str:
        """Stand for being a ``str`` at all."""
        ...
