"""The shapes a stored value can be declared to have, and what is said where it has another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Binary", "Field", "ShapeFault", "mask", "parse_json"]

T = TypeVar("T")

_KINDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    SecretText: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}
_PLACES: dict[type, Callable[[Any], Iterable[Any]]] = {
    dict: iter,
    list: lambda array: range(len(array)),
}


class ShapeFault(Exception):  # noqa: N818  # a finding, which SecretFormatError reports
    """What is wrong with a value, in words that quote nothing of it."""


def parse_json(text: str) -> Any:
    """Return the document, its strings masked wherever they would be shown.

    Raises:
        ShapeFault: It is not JSON, nested too deeply, or has a number too long for Python.
    """
    # Here and not above: only who reads JSON pays for the import.
    import json  # noqa: PLC0415

    try:
        return _masked(json.loads(text))
    except json.JSONDecodeError:
        fault = "it is not JSON; check what was stored, or declare its name as plain text"
    except ValueError:
        # Python's own limit: sys.set_int_max_str_digits().
        fault = "its JSON has a number of too many digits to be read; store it as a string"
    except RecursionError:
        fault = "its JSON is nested too deeply to be read; check what was stored"
    # Outside of the except: the parser's error holds the text.
    raise ShapeFault(fault)


class Field:
    """Reads one field of a JSON object.

    Args:
        key: The field's name. Not a path: dots have no meaning.
    """

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, text: str) -> str:
        """Return the field.

        Raises:
            ShapeFault: There is no such field, or it is no string.
        """
        parsed = parse_json(text)
        if not isinstance(parsed, dict):
            raise ShapeFault(
                f"its JSON is {_KINDS[type(parsed)]}, not an object, so it has no field "
                f"{self._key!r:.80}; check what was stored"
            )
        document = cast("dict[str, object]", parsed)
        if self._key not in document:
            # What fields there are is not told: in a map of keys to tokens they are values too.
            raise ShapeFault(
                f"its JSON has no field {self._key!r:.80}; check the field's spelling, and what "
                f"was stored"
            )
        found = document[self._key]
        if not isinstance(found, SecretText):
            kind = _KINDS[type(found)]
            raise ShapeFault(
                f"its field {self._key!r:.80} is {kind}, not a string; declare its name with "
                f".json(), and take the field out of the document"
            )
        return found


class Binary(Generic[T]):
    """Reads a binary value, which nothing else does.

    Args:
        parse: Turns the bytes into ``T``; without it they are handed out as they are.
    """

    __slots__ = ("_parse",)

    def __init__(self, parse: Callable[[bytes], T] | None) -> None:
        self._parse = parse

    def __call__(self, data: bytes) -> Any:
        """Return what the bytes stand for."""
        return data if self._parse is None else self._parse(data)


def mask(value: Any) -> Any:
    """Return the value, masked wherever it would be shown if it is plain text or bytes."""
    if type(value) is str:
        return SecretText(value)
    return SecretBytes(value) if type(value) is bytes else value


def _masked(document: Any) -> Any:
    """Mask a document's strings, in place. Without recursion: it may be nested deeply."""
    top = [document]
    left: list[Any] = [top]
    while left:
        container = left.pop()
        for place in _PLACES[type(container)](container):
            value = container[place]
            if type(value) in _PLACES:
                left.append(value)
            else:
                container[place] = mask(value)
    return top[0]
