"""One event on its way through the runtime, and the report of what went wrong with it."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ErrorReport", "Invocation"]


class ErrorReport(NamedTuple):
    """What the runtime, or Lambda itself, reports of a failure."""

    type: str
    """The exception's class, or one of Lambda's own, such as ``Runtime.ExitError``."""
    message: str
    stack_trace: tuple[str, ...] = ()
    """One entry per frame, formatted."""

    @classmethod
    def parsed(cls, body: bytes) -> ErrorReport:
        """Read the report that a runtime client posts."""
        # An error of the start is posted by http.client, which knows no better than Latin-1.
        try:
            text = body.decode()
        except UnicodeDecodeError:
            text = body.decode("latin-1")
        report = json.loads(text)
        return cls(
            report.get("errorType") or "",
            report.get("errorMessage") or "",
            tuple(report.get("stackTrace") or ()),
        )


class Invocation:
    """One event on its way through the runtime, and what became of it."""

    def __init__(self, event: bytes, *, timeout: float, headers: Mapping[str, str]) -> None:
        """Make the invocation of ``event``, which may take ``timeout`` seconds."""
        self.request_id = str(uuid.uuid4())
        self.event = event
        self.timeout = timeout
        self.headers = headers
        self.outcome: bytes | ErrorReport | None = None
        self.duration = 0.0
        """Seconds from handing it out to its outcome."""
        self.abandoned = False
        """Whether the worker that has it is gone."""
        self._taken = time.monotonic()

    def take(self) -> dict[str, str]:
        """Start the invocation's time, and return the headers that describe it."""
        self._taken = time.monotonic()
        return {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.timeout) * 1000)),
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):x}-{uuid.uuid4().hex[:24]}",
            **self.headers,
        }

    def finish(self, outcome: bytes | ErrorReport) -> bytes | ErrorReport:
        """Keep the outcome, and how long it took; return it."""
        self.duration = time.monotonic() - self._taken
        self.outcome = outcome
        return outcome
