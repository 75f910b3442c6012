"""What a proof found."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """The result of one proof, as the report shows it."""

    title: str
    """The claim, as a sentence."""
    faults: list[str] = field(default_factory=list)
    """Where the claim does not hold. The proof fails if there are any."""
    notes: list[str] = field(default_factory=list)
    """Figures, seeds and differences that are meant."""

    def markdown(self) -> str:
        """Return the proof's part of the report."""
        mark = "FAILED" if self.faults else "passed"
        lines = [f"## {mark}: {self.title}", ""]
        lines += [f"- FAULT: {fault}" for fault in self.faults]
        lines += [f"- {note}" for note in self.notes]
        return "\n".join([*lines, ""])
