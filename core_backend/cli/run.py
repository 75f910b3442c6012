"""One run of the command: its options, the values it has seen, and how it fails."""

from __future__ import annotations

import shlex
import traceback
from dataclasses import dataclass, field, replace

from core_backend._engine.masking import masked_text, written_forms
from core_backend.errors import CoreBackendError

__all__ = ["CommandError", "Mask", "Run"]

# A shorter line of a value, such as a bracket, occurs in other text as well.
_SHORTEST_LINE = 8


class CommandError(CoreBackendError):
    """A command could not do what it was asked to do. The exit code is then 1.

    Attributes:
        what: What went wrong, on one line.
        next_step: What the user can do about it; may be empty.
        uncertain: Whether AWS may have carried out the request all the same.
    """

    def __init__(self, message: str, next_step: str = "", *, uncertain: bool = False) -> None:
        """Keep both lines. Neither of them ever holds a value."""
        super().__init__(message, next_step)
        self.what = message
        self.next_step = next_step
        self.uncertain = uncertain

    def __str__(self) -> str:
        """Return the lines that are not empty."""
        return "\n".join(filter(None, self.args))


class Mask:
    """Masks the values of one run in text that others wrote.

    Such text is a traceback, a handler's log, or a library's message that quotes its input. The
    commands themselves print no value, except where the user asks for it.
    """

    def __init__(self) -> None:
        """Start without values."""
        self._forms: dict[str, set[str]] = {}

    def add(self, value: str | bytes) -> None:
        """Mask this value from now on, in every way of writing it."""
        for form, longer in written_forms(value).items():
            self._forms.setdefault(form, set()).update(longer)
        # A command runs briefly, so short values are masked too, and the lines of a key.
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for part in (text, *(line for line in text.splitlines() if len(line) >= _SHORTEST_LINE)):
            if part.strip():
                self._forms.setdefault(part, set())

    def text(self, text: str) -> str:
        """Return ``text`` with a mask in place of each value."""
        return masked_text(text, self._forms)

    def traceback(self, error: BaseException) -> str:
        """Return an error's traceback, masked and without local variables."""
        return self.text("".join(traceback.format_exception(error)))


@dataclass
class Run:
    """The options that commands share, and the values that this run has seen."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    debug: bool = False
    output: str = "table"
    assume_yes: bool = False
    create: bool = False
    mask: Mask = field(default_factory=Mask)

    def copy(self, *, profile: str | None, region: str | None) -> Run:
        """Return these options with another profile or Region, if one is given.

        Values that either run sees are masked in both.
        """
        return replace(self, profile=profile or self.profile, region=region or self.region)

    @property
    def aws_options(self) -> str:
        """The AWS options of this run, to be repeated in the next command that is proposed."""
        options = {
            "--profile": self.profile,
            "--region": self.region,
            "--endpoint-url": self.endpoint_url,
        }
        return "".join(f" {key} {shlex.quote(value)}" for key, value in options.items() if value)
