"""Lambda's Runtime API, as the runtime client of one execution environment sees it.

Source: Lambda developer guide, "Using the Lambda runtime API"; what the guide leaves out is
taken from the runtime client itself. All state is behind one condition: whoever changes it
notifies, whoever waits does so with a bound.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import deque
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

__all__ = ["ErrorReport", "Invocation", "RuntimeApi"]

_VERSION = "/2018-06-01/runtime/"


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
        report = json.loads(body)
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


class RuntimeApi:
    """The API's server, for one process; a context manager that serves until it is left."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.polling = 0
        """How many workers of the runtime are waiting for an invocation."""
        self.failure: ErrorReport | None = None
        """Why the function could not be started, or restored."""
        self.at_snapshot = False
        """Whether the runtime is waiting to be snapshotted and restored."""
        self.exit: str | None = None
        """How the process ended, once it has."""
        self._restored = False
        self._closed = False
        self._queue: deque[Invocation] = deque()
        self._running: dict[str, Invocation] = {}
        self._server = _Server(self)
        self._thread = threading.Thread(
            # The interval is how long closing may take.
            target=self._server.serve_forever,
            args=(0.01,),
            name="runtime-api",
            daemon=True,
        )

    @property
    def address(self) -> str:
        """Host and port, as ``AWS_LAMBDA_RUNTIME_API`` has them."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop serving; whoever polls is hung up on."""
        self.hang_up()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def hang_up(self) -> None:
        """End all polls, so that a runtime that waits in one comes to its end."""
        self._change(lambda: setattr(self, "_closed", True))

    def submit(self, invocation: Invocation) -> None:
        """Queue an invocation for the next worker that asks."""
        self._change(lambda: self._queue.append(invocation))

    def restore(self) -> None:
        """Let the runtime go on from its snapshot."""
        self._change(lambda: setattr(self, "_restored", True))

    def ended(self, how: str) -> None:
        """Take note that the process has ended; no invocation will be answered any more."""
        self._change(lambda: setattr(self, "exit", how))

    def wait(self, condition: Callable[[], object], timeout: float) -> bool:
        """Wait until ``condition`` holds; false when it does not within ``timeout`` seconds."""
        with self.changed:
            return bool(self.changed.wait_for(condition, timeout))

    def _change(self, change: Callable[[], object]) -> None:
        with self.changed:
            change()
            self.changed.notify_all()

    def next_invocation(self) -> Invocation | None:
        """Wait for an invocation, as long as the server lives; ``None`` when it closes."""
        with self.changed:
            self.polling += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._queue or self._closed)
            self.polling -= 1
            if self._closed:
                return None
            invocation = self._queue.popleft()
            self._running[invocation.request_id] = invocation
            return invocation

    def snapshot(self) -> bool:
        """Wait to be restored; false when the server closes first."""
        with self.changed:
            self.at_snapshot = True
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._restored or self._closed)
            return self._restored

    def post(self, path: str, body: bytes) -> HTTPStatus:
        """Take what the runtime posts to ``path``, which is below ``/runtime/``."""
        with self.changed:
            status = self._posted(path.split("/"), body)
            self.changed.notify_all()
            return status

    def _posted(self, path: list[str], body: bytes) -> HTTPStatus:
        match path:
            case ["init" | "restore", "error"]:
                self.failure = ErrorReport.parsed(body)
            case ["invocation", request_id, "response" | "error" as kind]:
                invocation = self._running.pop(request_id, None)
                if invocation is None:
                    return HTTPStatus.BAD_REQUEST
                invocation.finish(body if kind == "response" else ErrorReport.parsed(body))
            case _:
                return HTTPStatus.NOT_FOUND
        return HTTPStatus.ACCEPTED


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: a runtime that was killed hangs up in mid-sentence."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for head and body: two would wait for each other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    @property
    def api(self) -> RuntimeApi:
        return cast("_Server", self.server).api

    def do_GET(self) -> None:
        if self.path == f"{_VERSION}invocation/next":
            self._hand_out(self.api.next_invocation())
        elif self.path == f"{_VERSION}restore/next":
            self._answer(HTTPStatus.OK) if self.api.snapshot() else self._hang_up()
        else:
            self._answer(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(self.api.post(self.path.removeprefix(_VERSION), body))

    def _hand_out(self, invocation: Invocation | None) -> None:
        if invocation is None:
            self._hang_up()
        else:
            self._answer(HTTPStatus.OK, invocation.event, invocation.take())

    def _hang_up(self) -> None:
        self.close_connection = True

    def _answer(
        self, status: HTTPStatus, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Stay quiet: the lines on stderr are the function's."""
