"""Lambda's Runtime API, as the runtime client of one execution environment sees it.

Source: Lambda developer guide, "Using the Lambda runtime API". What the guide leaves out follows
the runtime client itself. One condition guards all state: every change notifies it, and every
wait on it has a limit, except those of the runtime's own polls.
"""

from __future__ import annotations

import threading
from collections import deque
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

from core_backend.testing.local_lambda.results import ErrorReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from core_backend.testing.local_lambda.results import Invocation

__all__ = ["RuntimeApi"]

_VERSION = "/2018-06-01/runtime/"
_PATIENCE = 1.0
"""Seconds in which a client that hung up may answer on another connection."""


class RuntimeApi:
    """The API's server for one process; a context manager that serves until its block ends."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.polling = 0
        """How many workers of the runtime wait for an invocation."""
        self.failure: ErrorReport | None = None
        """Why the function could not be started, or restored."""
        self.at_snapshot = False
        """Whether the runtime waits to be snapshotted and restored."""
        self.exit: str | None = None
        """How the process ended; ``None`` while it runs."""
        self._restored = False
        self._closed = False
        self._queue: deque[Invocation] = deque()
        self._running: dict[str, Invocation] = {}
        self._server = _Server(self)
        self._thread = threading.Thread(
            # Closing takes up to this interval, in seconds.
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
        """Stop serving, and hang up on those who poll."""
        self.hang_up()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def hang_up(self) -> None:
        """End all polls, so that a runtime that waits in one can end."""
        self._change(lambda: setattr(self, "_closed", True))

    def submit(self, invocation: Invocation) -> None:
        """Queue an invocation for the next worker that asks."""
        self._change(lambda: self._queue.append(invocation))

    def restore(self) -> None:
        """Let the runtime go on from its snapshot."""
        self._change(lambda: setattr(self, "_restored", True))

    def note_exit(self, how: str) -> None:
        """Record that the process has ended: it answers no further invocation."""
        self._change(lambda: setattr(self, "exit", how))

    def note_hang_up(self, invocation: Invocation) -> None:
        """Record that the worker with this invocation hung up, as a worker that ends does."""

        def is_settled() -> bool:
            return invocation.outcome is not None or self.exit is not None or self._closed

        # curl drops a connection that is two minutes old, and answers on a new one.
        if not self.wait(is_settled, _PATIENCE):
            self._change(lambda: setattr(invocation, "abandoned", True))

    def wait(self, condition: Callable[[], object], timeout: float) -> bool:
        """Wait until ``condition`` holds; return false after ``timeout`` seconds."""
        with self.changed:
            return bool(self.changed.wait_for(condition, timeout))

    def _change(self, change: Callable[[], object]) -> None:
        with self.changed:
            change()
            self.changed.notify_all()

    def next_invocation(self) -> Invocation | None:
        """Wait for an invocation; return ``None`` when the server closes."""
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

    def await_restore(self) -> bool:
        """Wait at the snapshot for the restore; return false if the server closes first."""
        with self.changed:
            self.at_snapshot = True
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._restored or self._closed)
            return self._restored

    def post(self, path: str, body: bytes) -> HTTPStatus:
        """Accept what the runtime posts to ``path``, which is below ``/runtime/``."""
        with self.changed:
            status = self._accept(path.split("/"), body)
            self.changed.notify_all()
            return status

    def _accept(self, path: list[str], body: bytes) -> HTTPStatus:
        match path:
            case ["init" | "restore", "error"]:
                self.failure = ErrorReport.parse(body)
            case ["invocation", request_id, "response" | "error" as kind]:
                invocation = self._running.pop(request_id, None)
                if invocation is None:
                    return HTTPStatus.BAD_REQUEST
                invocation.finish(body if kind == "response" else ErrorReport.parse(body))
            case _:
                return HTTPStatus.NOT_FOUND
        return HTTPStatus.ACCEPTED


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a runtime that is killed hangs up in the middle of a request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for head and body: the second of two would wait for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    _handed_out: Invocation | None = None

    @property
    def api(self) -> RuntimeApi:
        return cast("_Server", self.server).api

    def do_GET(self) -> None:
        if self.path == f"{_VERSION}invocation/next":
            self._hand_out(self.api.next_invocation())
        elif self.path == f"{_VERSION}restore/next":
            self._answer(HTTPStatus.OK) if self.api.await_restore() else self._hang_up()
        else:
            self._answer(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(self.api.post(self.path.removeprefix(_VERSION), body))

    def _hand_out(self, invocation: Invocation | None) -> None:
        if invocation is None:
            self._hang_up()
        else:
            self._handed_out = invocation
            self._answer(HTTPStatus.OK, invocation.event, invocation.take())

    def finish(self) -> None:
        """End the connection; the worker on it may still have an invocation."""
        super().finish()
        if self._handed_out is not None:
            self.api.note_hang_up(self._handed_out)

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
        """Print nothing: the lines on stderr belong to the function."""
