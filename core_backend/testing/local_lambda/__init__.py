"""Lambda on this machine: a handler under AWS's runtime client, in a process of its own."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError
from core_backend.testing.local_lambda.checks import check_env, check_workers, resolve_task_root
from core_backend.testing.local_lambda.execution import (
    ACCOUNT,
    ExecutionEnvironment,
    StartFailedError,
    lambda_variables,
)
from core_backend.testing.local_lambda.process import LogPipe
from core_backend.testing.local_lambda.results import (
    ErrorReport,
    InvocationFailedError,
    InvocationResult,
    LambdaInitError,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from typing import Self

__all__ = [
    "ErrorReport",
    "InvocationFailedError",
    "InvocationResult",
    "LambdaInitError",
    "LocalLambda",
]


class LocalLambda:
    """Runs a handler as Lambda does: ``python -m awslambdaric`` against a local Runtime API.

    Use it as a context manager. The process starts with the first invocation, and ends with the
    block. It serves all invocations until it ends or exceeds the timeout; then the next invocation
    starts another, as on Lambda. Several threads may call ``invoke``.

    Args:
        handler: Module and function, as in Lambda's ``Handler`` setting.
        task_root: The folder with the function's code. Its modules are imported from there.
        env: The function's own variables, on top of those that Lambda sets. The function sees
            neither your environment nor your AWS profiles.
        timeout: Seconds that an invocation may take. Lambda's own default is 3.
        init_timeout: Seconds that the function may take to start.
        function_name: The function's name.
        region: The function's Region.
        concurrency: Run this many workers, as Lambda Managed Instances do. ``None`` runs one
            worker, as Lambda does elsewhere.
        snap_start: Wait after the start, as for a snapshot, until ``restore()`` or the first
            invocation.

    Raises:
        ConfigurationError: The extra ``local`` is not installed, ``task_root`` is not a folder, or
            ``concurrency`` is less than 1.
        TypeError: ``env`` has a name or a value that is not a ``str``.
    """

    def __init__(  # noqa: PLR0913  # a function has this many settings
        self,
        handler: str = "handler.handler",
        task_root: str | os.PathLike[str] = "src",
        *,
        env: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        init_timeout: float = 30.0,
        function_name: str = "local",
        region: str = "us-east-1",
        concurrency: int | None = None,
        snap_start: bool = False,
    ) -> None:
        self._handler = handler
        self._timeout = timeout
        self._init_timeout = init_timeout
        self._workers = 1 if concurrency is None else check_workers(concurrency)
        folder = resolve_task_root(task_root, handler)
        self._env = lambda_variables(handler, folder, function_name, region)
        if concurrency is not None:
            self._env["AWS_LAMBDA_MAX_CONCURRENCY"] = str(concurrency)
            self._env["AWS_LAMBDA_INITIALIZATION_TYPE"] = "lambda-managed-instances"
        if snap_start:
            self._env["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
        self._env |= check_env(env or {})
        arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{function_name}"
        self._headers = {"Lambda-Runtime-Invoked-Function-Arn": arn}
        # One event for each worker, as on Lambda; further events wait here for a free one.
        self._free_workers = threading.Semaphore(self._workers)
        self._changing = threading.Lock()
        self._opened: LogPipe | None = None
        self._running: ExecutionEnvironment | None = None
        self._unreported_init: float | None = None

    def __enter__(self) -> Self:
        """Open the log; nothing runs before the first invocation or ``start()``."""
        self._opened = LogPipe()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End the process, whatever it is doing."""
        with self._changing:
            log, self._opened = self._log, None
            self._discard()
            log.close()

    @property
    def log_lines(self) -> tuple[str, ...]:
        """Everything that the function has written, while it started as well."""
        return self._log.lines(0, self._log.position())

    def start(self) -> None:
        """Start the function without an event, as provisioned concurrency does.

        Raises:
            LambdaInitError: The function does not start.
        """
        with self._changing:
            self._start()

    def restore(self) -> None:
        """Restore the function, which waits at its snapshot under ``snap_start``.

        Raises:
            LambdaInitError: The function does not start, or an after-restore hook failed.
        """
        with self._changing:
            self._restore()

    def invoke(self, event: object = None, *, timeout: float | None = None) -> InvocationResult:
        """Invoke the function synchronously; start, restore or thaw it first where that is due.

        Args:
            event: The event; ``json.dumps`` has to take it.
            timeout: Seconds that this invocation may take, in place of the function's ``timeout``.

        Returns:
            The result. It has an ``error`` where the function failed, timed out
            (``Sandbox.Timedout``) or ended (``Runtime.ExitError``).

        Raises:
            LambdaInitError: The function does not start.
        """
        body = json.dumps(event).encode()
        with self._free_workers:
            with self._changing:
                environment = self._restore()
                init_duration, self._unreported_init = self._unreported_init, None
            start = self._log.position()
            finished = environment.run(
                body, timeout=timeout or self._timeout, headers=self._headers
            )
            lines = self._log.lines(start, self._log.position())
        outcome = finished.outcome
        return InvocationResult(
            request_id=finished.request_id,
            error=outcome if isinstance(outcome, ErrorReport) else None,
            log_lines=lines,
            duration=finished.duration,
            init_duration=init_duration,
            body=outcome if isinstance(outcome, bytes) else b"",
        )

    def freeze(self) -> None:
        """Stop the process, as Lambda does between invocations."""
        with self._changing:
            self._start().freeze()

    def thaw(self) -> None:
        """Let a frozen process go on. An invocation does this too."""
        with self._changing:
            self._start().thaw()

    @property
    def _log(self) -> LogPipe:
        if self._opened is None:
            raise ConfigurationError("LocalLambda is a context manager: use it inside its with")
        return self._opened

    def _start(self) -> ExecutionEnvironment:
        if self._running is None or self._running.ended:
            self._discard()
            start = self._log.position()
            try:
                self._running = ExecutionEnvironment(
                    self._handler,
                    self._env,
                    log=self._log,
                    workers=self._workers,
                    init_timeout=self._init_timeout,
                )
            except StartFailedError as error:
                raise self._init_error(error, start) from None
            self._unreported_init = self._running.init_duration
        return self._running

    def _restore(self) -> ExecutionEnvironment:
        environment = self._start()
        start = self._log.position()
        try:
            environment.restore()
        except StartFailedError as error:
            raise self._init_error(error, start) from None
        return environment

    def _init_error(self, error: StartFailedError, start: int) -> LambdaInitError:
        return LambdaInitError(error.report, self._log.lines(start, self._log.position()))

    def _discard(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None
