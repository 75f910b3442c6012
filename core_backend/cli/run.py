"""What one run of the command was given, whichever command it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from core_backend.cli.masking import Masked

__all__ = ["Run"]


@dataclass
class Run:
    """The options that every command takes, and the values it has seen."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    debug: bool = False
    masked: Masked = field(default_factory=Masked)
