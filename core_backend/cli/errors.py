"""How a command fails: one line that says what, one that says what to do next."""

from __future__ import annotations

from core_backend.errors import CoreBackendError

__all__ = ["CommandError"]


class CommandError(CoreBackendError):
    """A command could not do what it was asked; ends it with exit code 1.

    Attributes:
        what: What went wrong, on one line.
        next_step: What the person at the keyboard does about it; may be empty.
        uncertain: Whether what was asked of AWS may have been done all the same.
    """

    def __init__(self, message: str, next_step: str = "", *, uncertain: bool = False) -> None:
        """Keep both lines; neither ever holds a value."""
        super().__init__(message, next_step)
        self.what = message
        self.next_step = next_step
        self.uncertain = uncertain

    def __str__(self) -> str:
        """Return the lines there are."""
        return "\n".join(filter(None, self.args))
