"""The types of fetched values: real ``str`` and ``bytes`` that do not show by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

from core_backend.errors import SecretFormatError, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import SupportsIndex

__all__ = [
    "MAX_BYTES",
    "Binary",
    "Field",
    "SecretBytes",
    "SecretText",
    "ShapeFault",
    "hash_parser",
    "mask",
    "name_parser",
    "parse_json",
    "read",
    "read_as_stored",
]

MAX_BYTES = 65_536
"""The most bytes that a secret's value has. Source: API reference, CreateSecret."""


class _StaysHere:
    """Cannot be pickled or copied, so that it does not leave the process."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            "a secret value cannot be pickled or copied, so that it gets into no file, queue or "
            "other process; pass the secret's name and await it there, or pass value.plain() if "
            "you mean to disclose it"
        )


class SecretText(_StaysHere, str):
    """A secret's text: a ``str`` in every use, which does not show by accident.

    - Its ``repr`` is a mask. So tracebacks with local variables, debuggers, ``pprint``,
      ``reprlib`` and every container's ``repr`` show the mask.
    - A part of it is masked as well, because tools shorten what they show, and code takes values
      apart: a slice, a character out of a loop, and the results of ``strip``, ``split``,
      ``partition`` and the like.
    - Text that you make of it is plain, because that is the purpose of a value: ``str(value)``,
      f-strings and ``format``, ``%``, ``+``, ``join``, ``replace``, ``upper``, ``encode``, and what
      ``json``, ``re`` and ``textwrap`` return.

    Pickling and copying raise ``TypeError``.
    """

    __slots__ = ()

    def plain(self) -> str:
        """Return the value as a ``str`` that shows itself, for libraries that take no subclass."""
        return str.__str__(self)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the characters, masked."""
        return map(SecretText, str.__iter__(self))

    def __repr__(self) -> str:
        """Return a mask, which does not even tell how long the value is."""
        return "SecretText('***')"


class SecretBytes(_StaysHere, bytes):
    """A secret's bytes: ``bytes`` in every use, which do not show by accident.

    ``repr`` and parts of the value are masked as ``SecretText`` has it. So is ``str(value)``, which
    is the ``repr`` of bytes. A single byte is an ``int`` and cannot be masked. Bytes and text that
    you make of it are plain: ``bytes(value)``, ``+``, ``hex``, ``decode``, ``base64``.

    Pickling and copying raise ``TypeError``.
    """

    __slots__ = ()

    def plain(self) -> bytes:
        """Return the value as ``bytes`` that show themselves; see ``SecretText.plain``."""
        return bytes(self)

    def __repr__(self) -> str:
        """Return a mask, which does not even tell how long the value is."""
        return "SecretBytes(b'***')"

    __str__ = __repr__


# These methods return parts of a value.
_PARTS = (
    *("__getitem__", "lstrip", "partition", "removeprefix", "removesuffix", "rpartition"),
    *("rsplit", "rstrip", "split", "splitlines", "strip"),
)


def _mask_parts(kind: type, name: str) -> None:
    method = getattr(kind, name)

    def masked(*args: Any, **kwargs: Any) -> Any:
        part = method(*args, **kwargs)
        return mask(part) if isinstance(part, (str, bytes, int)) else type(part)(map(mask, part))

    masked.__name__ = name
    masked.__doc__ = f"Return what the plain value's ``{name}`` returns, masked."
    setattr(kind, name, masked)


def mask(value: Any) -> Any:
    """Return plain text or bytes masked, and everything else as it is."""
    if type(value) is str:
        return SecretText(value)
    return SecretBytes(value) if type(value) is bytes else value


for _kind in (SecretText, SecretBytes):
    for _name in _PARTS:
        _mask_parts(_kind, _name)


class ShapeFault(Exception):  # noqa: N818  # a finding, which SecretFormatError reports
    """What is wrong with a value, without quoting it."""


def parse_json(text: str) -> Any:
    """Return the document, its strings masked.

    Raises:
        ShapeFault: It is not JSON, is nested too deeply, or has a number too long for Python.
    """
    # Only code that reads JSON pays for the import.
    import json  # noqa: PLC0415

    try:
        return _mask_strings(json.loads(text))
    except json.JSONDecodeError:
        fault = "it is not JSON; check what was stored, or declare its name as plain text"
    except ValueError:
        # Python's own limit: sys.set_int_max_str_digits().
        fault = "its JSON has a number of too many digits to be read; store it as a string"
    except RecursionError:
        fault = "its JSON is nested too deeply to be read; check what was stored"
    # Outside of the except: the parser's error holds the text.
    raise ShapeFault(fault)


def read_as_stored(value: str | bytes) -> str | bytes:
    """Return the value; ``read`` lets it be text or binary."""
    return value


class _Reader:
    """Reads a value in one shape. Two that read the same are equal."""

    __slots__ = ("key", "parse")

    def __init__(self, key: str, parse: Callable[[Any], Any] | None) -> None:
        self.key = key
        self.parse = parse

    def __eq__(self, other: object) -> bool:
        """Return whether both read the same."""
        if not isinstance(other, _Reader):
            return NotImplemented
        return (type(self), self.key, self.parse) == (type(other), other.key, other.parse)

    def __hash__(self) -> int:
        return hash((type(self), self.key, hash_parser(self.parse)))

    def __repr__(self) -> str:
        """Return the shape, which is not secret."""
        shown = [repr(self.key)] * bool(self.key)
        if self.parse is not None:
            shown.append(name_parser(self.parse))
        return f"{type(self).__name__}({', '.join(shown)})"


class Field(_Reader):
    """Reads one field of a JSON object.

    Args:
        key: The field's name. Not a path: dots have no meaning.
        parse: Turns the field into something else; without it the field must be a string.
    """

    __slots__ = ()

    def __call__(self, text: str) -> Any:
        """Return the field.

        Raises:
            ShapeFault: There is no such field, or nothing parses it and it is not a string.
        """
        document = parse_json(text)
        if not isinstance(document, dict):
            raise ShapeFault(
                f"its JSON is {_KINDS[type(document)]}, not an object, so it has no field "
                f"{show(self.key)}; check what was stored"
            )
        fields = cast("dict[str, Any]", document)
        if self.key not in fields:
            # The message does not list the fields: in a map of keys to tokens they are secret too.
            raise ShapeFault(
                f"its JSON has no field {show(self.key)}; check the field's spelling, and what "
                f"was stored"
            )
        found = fields[self.key]
        is_text = isinstance(found, SecretText)
        if self.parse is not None:
            return self.parse(found.plain() if is_text else found)
        if not is_text:
            raise ShapeFault(
                f"its field {show(self.key)} is {_KINDS[type(found)]}, not a string; say how to "
                f"read it, such as .field({show(self.key)}, parse=int), or declare its name with "
                f".json() and take the field out of the document"
            )
        return found


class Binary(_Reader):
    """Reads a binary value.

    Args:
        parse: Turns the bytes into something else; without it they are returned.
    """

    __slots__ = ()

    def __init__(self, parse: Callable[[bytes], Any] | None) -> None:
        super().__init__("", parse)

    def __call__(self, data: bytes) -> Any:
        """Return what the bytes stand for."""
        return data if self.parse is None else self.parse(data)


def hash_parser(parse: Callable[[Any], Any] | None) -> int:
    """Return the hash of a parser, or of its class if it has none of its own."""
    try:
        return hash(parse)
    except TypeError:
        return hash(type(parse))


def name_parser(parse: Callable[[Any], Any]) -> str:
    """Return a parser's name, or its repr if it has none."""
    return getattr(parse, "__qualname__", None) or repr(parse)


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


def _mask_strings(document: Any) -> Any:
    """Mask a document's strings in place. Not recursive: it may be nested deeply."""
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


# These end the process, or the work: a parser did not find a fault.
_ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit)
_IS_BINARY = "it is binary, and is read as text; declare its name with .binary()"
_IS_TEXT = "it is text, and is read as binary; declare its name without .binary()"


def read(value: SecretText | SecretBytes, parse: Callable[[Any], Any] | None, label: str) -> Any:
    """Return the value in the shape that its name declares, made anew each time.

    Raises:
        SecretFormatError: The value does not have that shape. It keeps no cause: a parser's error
            quotes its input.
    """
    if parse is read_as_stored:
        return read_as_stored(value)
    fault = ""
    if isinstance(value, SecretBytes) != isinstance(parse, Binary):
        fault = _IS_BINARY if isinstance(value, SecretBytes) else _IS_TEXT
    elif parse is None:
        return value
    else:
        result, fault = _try_to_parse(value, parse)
        if not fault:
            return result
    raise SecretFormatError(f"secret {label!r}: {fault}", secret_id=label)


def _try_to_parse(value: SecretText | SecretBytes, parse: Callable[[Any], Any]) -> tuple[Any, str]:
    """Return the result, or what is wrong with the value."""
    # Plain: some parsers in C take no subclass of str.
    plain = value.plain()
    try:
        return mask(parse(plain)), ""
    except ShapeFault as fault:
        return None, str(fault)
    except _ENDINGS as error:
        ending = _bare(error)
    # BaseException: a panic of a parser written in Rust is not an Exception.
    except BaseException as error:  # noqa: BLE001  # any error of a parser may quote the value
        what = f"its field {show(parse.key)}" if isinstance(parse, Field) else "its value"
        return None, (
            f"{what} could not be parsed ({type(error).__name__}); check what was stored, and "
            f"the parse that its name declares"
        )
    # The error's traceback leads to this frame.
    del plain
    raise ending


def _bare(error: BaseException) -> BaseException:
    """Return another of that kind without text, causes and frames: they may quote the value."""
    if isinstance(error, SystemExit):
        # To Python, too, a text stands for 1.
        return SystemExit(error.code if error.code is None or isinstance(error.code, int) else 1)
    return next(kind for kind in _ENDINGS if isinstance(error, kind))()
