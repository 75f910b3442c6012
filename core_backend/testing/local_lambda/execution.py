"""One execution environment: the runtime's process, the API it talks to, and how both end."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from core_backend.testing.local_lambda.process import LambdaProcess
from core_backend.testing.local_lambda.results import ErrorReport, Invocation
from core_backend.testing.local_lambda.runtime_api import RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from core_backend.testing.local_lambda.process import LogPipe

__all__ = ["ACCOUNT", "ExecutionEnvironment", "StartFailedError", "lambda_variables"]

ACCOUNT = "123456789012"
# Seconds that a runtime has to end by itself.
_GRACE = 2.0
# Source: Lambda developer guide, "Defined runtime environment variables".
_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{sys.version_info.minor}",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_STREAM_NAME": "local",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    # A home without the developer's AWS profiles.
    "HOME": "/home/sbx_user1051",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
}
# What a process needs of this machine, and what measures or checks Python itself.
_INHERITED = ("LD_LIBRARY_PATH", "PATH", "PYTHONDEVMODE", "PYTHONPATH", "PYTHONWARNINGS", "TMPDIR")
_INHERITED_PREFIX = "COVERAGE_"


def lambda_variables(handler: str, task_root: Path, name: str, region: str) -> dict[str, str]:
    """Return the environment that Lambda gives a function, with nothing of the developer's own."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key in _INHERITED or key.startswith(_INHERITED_PREFIX)
    }
    if "PYTHONPATH" in inherited:
        # The process starts in another folder.
        folders = inherited["PYTHONPATH"].split(os.pathsep)
        inherited["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, folders))
    return (
        inherited
        | _VARIABLES
        | {
            "AWS_DEFAULT_REGION": region,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_REGION": region,
            "LAMBDA_TASK_ROOT": str(task_root),
            "_HANDLER": handler,
        }
    )


class StartFailedError(Exception):
    """The runtime did not ask for its first event."""

    def __init__(self, report: ErrorReport) -> None:
        """Keep what was reported."""
        super().__init__(report.message)
        self.report = report


class Finished(NamedTuple):
    """The outcome of one event."""

    request_id: str
    outcome: bytes | ErrorReport
    duration: float
    """In seconds, from handing the event out."""


class ExecutionEnvironment:
    """A runtime that has started; it serves one event after the other until it ends."""

    init_duration: float
    """Seconds from starting the process to its first request for an event, or for a restore."""

    def __init__(
        self,
        handler: str,
        env: Mapping[str, str],
        *,
        log: LogPipe,
        workers: int,
        init_timeout: float,
    ) -> None:
        """Start the runtime, and wait until it asks for an event or for its restore.

        Raises:
            StartFailedError: It does neither within ``init_timeout`` seconds.
        """
        self._workers = workers
        self._init_timeout = init_timeout
        self._frozen = False
        started = time.monotonic()
        with ExitStack() as opened:
            self._api = opened.enter_context(RuntimeApi())
            self._process = LambdaProcess(
                [sys.executable, "-m", "awslambdaric", handler],
                cwd=env["LAMBDA_TASK_ROOT"],
                env={**env, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                log=log,
                ended=self._api.note_exit,
            )
            opened.callback(self._end_process)
            self._await_start(lambda: self._api.at_snapshot or self._is_polling())
            self._opened = opened.pop_all()
        self.init_duration = time.monotonic() - started

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._api.exit is not None

    def restore(self) -> None:
        """Let the runtime go on, if it waits at its snapshot.

        Raises:
            StartFailedError: A hook failed, or did not end in time.
        """
        if self._api.at_snapshot:
            self._api.restore()
            self._await_start(self._is_polling)

    def run(self, event: bytes, *, timeout: float, headers: Mapping[str, str]) -> Finished:
        """Have one event handled; afterwards the process may have ended."""
        self.thaw()
        invocation = Invocation(event, timeout=timeout, headers=headers)
        self._api.submit(invocation)
        self._api.wait(
            lambda: invocation.outcome is not None or invocation.abandoned or self.ended, timeout
        )
        outcome = invocation.outcome
        if outcome is None:
            outcome = invocation.finish(self._give_up(invocation))
        return Finished(invocation.request_id, outcome, invocation.duration)

    def freeze(self) -> None:
        """Stop the process, as Lambda does between invocations."""
        self._process.freeze()
        self._frozen = True

    def thaw(self) -> None:
        """Let the process go on, if it was frozen."""
        if self._frozen:
            self._process.thaw()
            self._frozen = False

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._opened.close()

    def _is_polling(self) -> bool:
        return self._api.polling >= self._workers

    def _await_start(self, reached: Callable[[], bool]) -> None:
        api = self._api
        api.wait(lambda: reached() or api.failure or api.exit, self._init_timeout)
        if api.failure is not None:
            report = api.failure
        elif api.exit is not None:
            report = ErrorReport("Runtime.ExitError", api.exit)
        elif not reached():
            limit = f"it is not ready after {self._init_timeout:g} seconds"
            report = ErrorReport("Sandbox.Timedout", limit)
        else:
            return
        self._process.kill()
        raise StartFailedError(report)

    def _give_up(self, invocation: Invocation) -> ErrorReport:
        """Kill a process that did not answer, and return the error that Lambda answers with."""
        label = f"RequestId: {invocation.request_id} Error:"
        if self._api.exit is not None:
            return ErrorReport("Runtime.ExitError", f"{label} {self._api.exit}")
        self._process.kill()
        if invocation.abandoned:
            # Only the runtime, whose other workers went on, knows its exit code.
            return ErrorReport("Runtime.ExitError", f"{label} Runtime exited: its worker ended")
        return ErrorReport(
            "Sandbox.Timedout",
            f"{label} Task timed out after {invocation.timeout:.2f} seconds",
        )

    def _end_process(self) -> None:
        self._process.terminate()
        # A runtime that waits for an event in C sees no signal before its request ends.
        self._api.hang_up()
        self._process.kill(grace=_GRACE)
