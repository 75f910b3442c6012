"""What an invocation comes to, and the errors of those that come to nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from core_backend.errors import CoreBackendError
from core_backend.testing._invocation import ErrorReport

__all__ = ["InvocationFailedError", "InvocationResult", "LambdaInitError"]

_SHOWN_LINES = 20
# The runtime client sends bytes as they are.
_NO_JSON = ErrorReport("JSONDecodeError", "the response is no JSON; see the result's body")


class LambdaInitError(CoreBackendError):
    """The function's module could not be loaded, or its runtime ended before the first event.

    Attributes:
        report: What the runtime reported, or how its process ended.
        log_lines: What the process wrote.
    """

    def __init__(self, report: ErrorReport, log_lines: tuple[str, ...]) -> None:
        super().__init__(_told("the function did not start", report, log_lines))
        self.report = report
        self.log_lines = log_lines


class InvocationFailedError(CoreBackendError):
    """A payload was asked for where the invocation failed, or its response is no JSON.

    Attributes:
        result: The whole result.
    """

    def __init__(self, result: InvocationResult, report: ErrorReport) -> None:
        what = "the invocation failed" if result.error else "there is no payload"
        super().__init__(_told(what, report, result.log_lines))
        self.result = result


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationResult:
    """What one invocation came to."""

    request_id: str
    error: ErrorReport | None
    """What Lambda would report as the function's error; ``None`` where there was none."""
    log_lines: tuple[str, ...]
    """What the process wrote while the invocation ran. Invocations that run at the same time
    see each other's."""
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
            InvocationFailedError: There is none, or it is no JSON; tells the error and the last
                log lines.
        """
        if self.error is not None:
            raise InvocationFailedError(self, self.error)
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            report = _NO_JSON
        # Out here: the parser's error holds the response.
        raise InvocationFailedError(self, report)


def _told(what: str, report: ErrorReport, log_lines: tuple[str, ...]) -> str:
    lines = [f"{what}: {report.type}: {report.message}", *report.stack_trace]
    if log_lines:
        lines += [f"the last of what it wrote, {len(log_lines)} lines in all:"]
        lines += [f"  {line}" for line in log_lines[-_SHOWN_LINES:]]
    return "\n".join(lines)
