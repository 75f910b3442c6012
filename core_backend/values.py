"""The types a fetched value has: real ``str`` and ``bytes`` that do not show themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast

from core_backend.errors import SecretFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import SupportsIndex

__all__ = [
    "MAX_BYTES",
    "Binary",
    "Field",
    "SecretBytes",
    "SecretText",
    "ShapeFault",
    "mask",
    "parse_json",
    "read",
]

MAX_BYTES = 65_536
"""The most bytes that a secret's value has. Source: API reference, CreateSecret."""


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


# What ends the process, or the work: no finding of a parser's.
_ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit)
_IS_BINARY = "it is binary, and is read as text; declare its name with .binary()"
_IS_TEXT = "it is text, and is read as binary; declare its name without .binary()"


def read(
    value: SecretText | SecretBytes | None, parse: Callable[[Any], Any] | None, label: str
) -> Any:
    """Return the value as its name declares it, made anew each time.

    Raises:
        SecretFormatError: It is not of that shape. Keeps no cause: a parser's error quotes its
            input.
    """
    fault = ""
    if isinstance(value, SecretBytes) != isinstance(parse, Binary):
        fault = _IS_BINARY if isinstance(value, SecretBytes) else _IS_TEXT
    elif parse is None:
        return value
    else:
        result, fault = _parsed(value, parse)
        if not fault:
            return result
    raise SecretFormatError(f"secret {label!r}: {fault}", secret_id=label)


def _parsed(value: SecretText | SecretBytes | None, parse: Callable[[Any], Any]) -> tuple[Any, str]:
    # Plain: some parsers in C take no subclass of str.
    plain = bytes(value) if isinstance(value, SecretBytes) else str(value)
    try:
        return mask(parse(plain)), ""
    except ShapeFault as fault:
        return None, str(fault)
    except _ENDINGS as error:
        ending = _bare(error)
    # BaseException: what a parser written in Rust panics with is no Exception.
    except BaseException as error:  # noqa: BLE001  # whatever a parser raises, it may quote the value
        return None, (
            f"its value could not be parsed ({type(error).__name__}); check what was stored, and "
            f"the parse that its name declares"
        )
    # Its traceback leads to this frame.
    del plain
    raise ending


def _bare(error: BaseException) -> BaseException:
    """Return another of that kind, without text, causes and frames: they may quote the value."""
    if isinstance(error, SystemExit):
        # A text stands for 1, as it does to Python.
        return SystemExit(error.code if error.code is None or isinstance(error.code, int) else 1)
    return next(kind for kind in _ENDINGS if isinstance(error, kind))()
