"""One event on its way through the runtime, its result, and the errors of an event that failed."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.errors import CoreBackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ErrorReport",
    "Invocation",
    "InvocationFailedError",
    "InvocationResult",
    "LambdaInitError",
]

_SHOWN_LINES = 20


class ErrorReport(NamedTuple):
    """What the runtime client, or Lambda itself, reports of a failure."""

    type: str
    """The exception's class, or one of Lambda's own, such as ``Runtime.ExitError``."""
    message: str
    stack_trace: tuple[str, ...] = ()
    """One entry per frame, formatted."""

    @classmethod
    def parse(cls, body: bytes) -> ErrorReport:
        """Read the report that a runtime client posts."""
        # The client posts an error of the start through http.client, which encodes in Latin-1.
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


# The runtime client sends the bytes that a handler returns without a look at them.
_NOT_JSON = ErrorReport("JSONDecodeError", "the response is not JSON; see the result's body")


class Invocation:
    """One event on its way through the runtime.

    Attributes:
        request_id: Its id, a new one each time.
        outcome: The response or the error; ``None`` until there is one.
        duration: Seconds from handing the event out to its outcome.
        abandoned: Whether the worker that took the event is gone.
    """

    def __init__(self, event: bytes, *, timeout: float, headers: Mapping[str, str]) -> None:
        """Prepare the event, which may take ``timeout`` seconds once it is handed out."""
        self.request_id = str(uuid.uuid4())
        self.event = event
        self.timeout = timeout
        self.headers = headers
        self.outcome: bytes | ErrorReport | None = None
        self.duration = 0.0
        self.abandoned = False
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
        """Record the outcome and how long it took; return the outcome."""
        self.duration = time.monotonic() - self._taken
        self.outcome = outcome
        return outcome


class LambdaInitError(CoreBackendError):
    """The function's module could not be loaded, or its runtime ended before the first event.

    Attributes:
        report: What the runtime reported, or how its process ended.
        log_lines: What the process wrote.
    """

    def __init__(self, report: ErrorReport, log_lines: tuple[str, ...]) -> None:
        super().__init__(_describe("the function did not start", report, log_lines))
        self.report = report
        self.log_lines = log_lines


class InvocationFailedError(CoreBackendError):
    """The result has no payload: the invocation failed, or its response is not JSON.

    Attributes:
        result: The whole result.
    """

    def __init__(self, result: InvocationResult, report: ErrorReport) -> None:
        what = "the invocation failed" if result.error else "there is no payload"
        super().__init__(_describe(what, report, result.log_lines))
        self.result = result


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationResult:
    """The result of one invocation."""

    request_id: str
    error: ErrorReport | None
    """What Lambda would report as the function's error; ``None`` where there was none."""
    log_lines: tuple[str, ...]
    """What the process wrote during the invocation. Invocations that run at the same time see
    each other's lines."""
    duration: float
    """Seconds from handing the event out to the response's arrival."""
    init_duration: float | None
    """Seconds the function took to start, in the result of the invocation that started it."""
    body: bytes
    """The response as it was sent; empty where there is an error."""

    @property
    def payload(self) -> Any:
        """The response, parsed.

        Raises:
            InvocationFailedError: The invocation failed, or its response is not JSON. The message
                has the error and the last log lines.
        """
        if self.error is not None:
            raise InvocationFailedError(self, self.error)
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            report = _NOT_JSON
        # Raised out here, because the parser's error holds the response.
        raise InvocationFailedError(self, report)


def _describe(what: str, report: ErrorReport, log_lines: tuple[str, ...]) -> str:
    lines = [f"{what}: {report.type}: {report.message}", *report.stack_trace]
    if log_lines:
        lines += [f"the last lines it wrote, out of {len(log_lines)}:"]
        lines += [f"  {line}" for line in log_lines[-_SHOWN_LINES:]]
    return "\n".join(lines)
