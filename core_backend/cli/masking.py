"""Values that a command has seen, and text in which they are masked."""

from __future__ import annotations

import base64
import json
import traceback
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Masked"]

_MASK = "***"
# A shorter part of a JSON value, such as a user's name or a port, is in other words as well.
_SHORTEST_PART = 8


class Masked:
    """Knows the values of one run, so that whatever is shown of it shows none of them.

    Nothing prints a value on purpose. This is for text that others made: tracebacks, a handler's
    log, a library's message that quotes what it was given.
    """

    def __init__(self) -> None:
        """Start with no values."""
        self._forms: set[str] = set()

    def add(self, value: str | bytes) -> None:
        """Mask this value from now on, however it is written."""
        self._forms.update(form for form in _forms(value) if form.strip())

    def text(self, text: str) -> str:
        """Return ``text`` with a mask for each value in it."""
        # The longest first: one value may be part of another.
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, _MASK)
        return text

    def traceback(self, error: BaseException) -> str:
        """Return an error's traceback, masked and without local variables."""
        return self.text("".join(traceback.format_exception(error)))


def _forms(value: str | bytes) -> Iterator[str]:
    if isinstance(value, bytes):
        raw = bytes(value)
        yield base64.b64encode(raw).decode()
        yield repr(raw)[2:-1]
        value = raw.decode("utf-8", "replace")
    # str(), since the repr of a value that was fetched is a mask already.
    text = str(value)
    for part in (text, *_parts(text)):
        yield from (part, repr(part)[1:-1], json.dumps(part)[1:-1])


def _parts(text: str) -> Iterator[str]:
    """Walk through the strings inside a JSON value, and the lines of one that spans several."""
    yield from (line for line in text.splitlines() if len(line) >= _SHORTEST_PART)
    try:
        waiting: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(cast("dict[str, Any]", item).values())
        elif isinstance(item, list):
            waiting.extend(cast("Iterable[Any]", item))
        elif isinstance(item, str) and len(item) >= _SHORTEST_PART:
            yield item
