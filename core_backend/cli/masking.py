"""Values that a command has seen, and text in which they are masked."""

from __future__ import annotations

import traceback

from core_backend._engine.masking import masked_text, written_forms

__all__ = ["Masked"]

# A shorter line of a value, such as a bracket, is in other text as well.
_SHORTEST_LINE = 8


class Masked:
    """Knows the values of one run, so that whatever is shown of it shows none of them.

    Nothing prints a value on purpose. This is for text that others made: tracebacks, a handler's
    log, a library's message that quotes what it was given.
    """

    def __init__(self) -> None:
        """Start with no values."""
        self._forms: dict[str, set[str]] = {}

    def add(self, value: str | bytes) -> None:
        """Mask this value from now on, however it is written."""
        for form, longer in written_forms(value).items():
            self._forms.setdefault(form, set()).update(longer)
        # Other than in a log that runs for ever, a short value is masked too, and a line of a key.
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for part in (text, *(line for line in text.splitlines() if len(line) >= _SHORTEST_LINE)):
            if part.strip():
                self._forms.setdefault(part, set())

    def text(self, text: str) -> str:
        """Return ``text`` with a mask for each value in it."""
        return masked_text(text, self._forms)

    def traceback(self, error: BaseException) -> str:
        """Return an error's traceback, masked and without local variables."""
        return self.text("".join(traceback.format_exception(error)))
