"""The types a fetched value has: real ``str`` and ``bytes`` that do not show themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from typing import SupportsIndex

__all__ = ["SecretBytes", "SecretText"]


class _StaysHere:
    """Refuses to leave the process by pickling or copying."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            "a secret value is not pickled or copied, so that it ends up in no file, queue or "
            "other process; pass the secret's name and await it there, or take str(value) or "
            "bytes(value) where you mean to hand the value on"
        )


class SecretText(_StaysHere, str):
    """A secret's text: a ``str`` in every use, masked only where it would be shown by accident.

    ``f"Bearer {value}"``, ``json.dumps`` and ``==`` see the value. ``repr``, and with it
    tracebacks that print local variables, see a mask. Pickling and copying raise ``TypeError``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a mask that tells nothing of the value, its length included."""
        return "SecretText('***')"


class SecretBytes(_StaysHere, bytes):
    """A secret's bytes: ``bytes`` in every use, masked where they would be shown by accident.

    ``str`` of bytes is their ``repr``, so it is masked as well; ``value.decode()`` is not.
    Pickling and copying raise ``TypeError``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a mask that tells nothing of the value, its length included."""
        return "SecretBytes(b'***')"

    __str__ = __repr__
