"""From the stored value to what ``await`` returns, with faults that never quote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core_backend._shapes import Binary, ShapeFault, mask
from core_backend.errors import SecretFormatError
from core_backend.values import SecretBytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_backend.values import SecretText

__all__ = ["read"]

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
