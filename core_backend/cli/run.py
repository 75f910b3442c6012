"""What one run of the command was given, whichever command it is."""

from __future__ import annotations

import shlex
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

    @property
    def given(self) -> str:
        """The AWS CLI's options of this run, as the next command has to repeat them."""
        options = {
            "--profile": self.profile,
            "--region": self.region,
            "--endpoint-url": self.endpoint_url,
        }
        return "".join(f" {key} {shlex.quote(value)}" for key, value in options.items() if value)
