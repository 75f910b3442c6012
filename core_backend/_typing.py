"""Shapes that type checkers are told of. Imported by them alone: a cold start has no use for it."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

__all__ = ["LambdaHandler", "Yields"]

T_co = TypeVar("T_co", covariant=True)
Event_contra = TypeVar("Event_contra", contravariant=True)
Context_contra = TypeVar("Context_contra", contravariant=True)


class Yields(Protocol[T_co]):
    """What a secret is asked for by, and the type its value has.

    A ``SecretName[T]`` or ``SecretId[T]`` yields ``T``, a plain ``str`` yields ``str``. A ``str``
    has no type parameter to say so with; for type checkers only, one of its methods stands in.
    """

    def __getnewargs__(self) -> tuple[T_co]: ...

    def casefold(self) -> str:
        """Stand for being a ``str`` at all."""
        ...


class LambdaHandler(Protocol[Event_contra, Context_contra]):
    """What Lambda calls. Returns the result; where a loop is running, what to await for it."""

    def __call__(self, event: Event_contra, context: Context_contra) -> Any:
        """Handle one invocation."""
        ...
