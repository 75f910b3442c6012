"""One cold start under the real runtime client, timed from outside."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core_backend.testing.local_lambda.execution import ACCOUNT, lambda_variables
from core_backend.testing.local_lambda.process import LambdaProcess, LogPipe
from core_backend.testing.local_lambda.results import ErrorReport, Invocation
from core_backend.testing.local_lambda.runtime_api import RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from http import HTTPStatus

    from processor_share import ProcessorShare

__all__ = ["ColdStart", "cold_start"]

_FUNCTIONS = Path(__file__).resolve().parent / "functions"
_REGION = "eu-central-1"
_NAME = "bench"
_ARN = f"arn:aws:lambda:{_REGION}:{ACCOUNT}:function:{_NAME}"
_SECONDS = 60.0


class ColdStart(NamedTuple):
    """What one cold start took, in seconds and in bytes.

    Processor time is zero, and memory as well, where the system does not tell.
    """

    init: float
    """From starting the process to its first request for an event."""
    invocation: float
    """From there to the response."""
    init_processor: float
    """Processor time until the first request for an event."""
    invocation_processor: float
    """Processor time from there to the response."""
    peak: int
    """The most memory the process took."""

    @property
    def total(self) -> float:
        """Seconds from starting the process to the response."""
        return self.init + self.invocation

    @property
    def processor(self) -> float:
        """Processor time until the response."""
        return self.init_processor + self.invocation_processor


class _Instant(NamedTuple):
    time: float
    processor: float


class _WatchedApi(RuntimeApi):
    """A Runtime API that notes when init ends, and when the first response comes.

    With a share, init runs at full speed, and all that comes after it at that share.
    """

    def __init__(self, share: ProcessorShare | None) -> None:
        super().__init__()
        self.process = 0
        """The runtime's process id."""
        self.init_end: _Instant | None = None
        self.response: _Instant | None = None
        self._share = share

    def next_invocation(self) -> Invocation | None:
        if self.init_end is None:
            self.init_end = self._now()
            if self._share is not None:
                self._share.close()
        return super().next_invocation()

    def post(self, path: str, body: bytes) -> HTTPStatus:
        if self.response is None:
            self.response = self._now()
        return super().post(path, body)

    def _now(self) -> _Instant:
        return _Instant(time.perf_counter(), _read_processor_time(self.process))


def cold_start(
    function: str,
    secrets: Sequence[str],
    environ: Mapping[str, str],
    *,
    share: ProcessorShare | None = None,
    python: str | None = None,
) -> ColdStart:
    """Start a function, and have it handle one event, which is waiting from the beginning.

    Args:
        function: A module of functions/.
        secrets: The secrets that it fetches.
        environ: The variables that lead it to the service.
        share: Its share of a processor after init; by default it runs at full speed throughout.
        python: The interpreter that runs it; by default this one.

    Raises:
        RuntimeError: The function failed. The message has everything that it wrote.
    """
    handler = f"{function}.handler"
    variables = lambda_variables(handler, _FUNCTIONS, _NAME, _REGION) | dict(environ)
    event = json.dumps({"secrets": list(secrets)}).encode()
    invocation = Invocation(
        event, timeout=_SECONDS, headers={"Lambda-Runtime-Invoked-Function-Arn": _ARN}
    )
    log = LogPipe()
    try:
        with _WatchedApi(share) as api:
            api.submit(invocation)
            started = time.perf_counter()
            process = LambdaProcess(
                [python or sys.executable, "-m", "awslambdaric", handler],
                cwd=str(_FUNCTIONS),
                env=variables | {"AWS_LAMBDA_RUNTIME_API": api.address},
                log=log,
                ended=api.note_exit,
            )
            api.process = process._process.pid
            if share is not None:
                share.add(api.process)
            api.wait(lambda: invocation.outcome is not None or api.exit or api.failure, _SECONDS)
            peak = _read_peak(api.process)
            if share is not None:
                # To end takes processor time as well.
                share.open()
            process.kill()
            outcome = invocation.outcome
            if outcome is None or isinstance(outcome, ErrorReport):
                wrote = "\n".join(log.lines(0, log.position()))
                raise RuntimeError(f"{function} failed: {outcome or api.failure}\n{wrote}")
    finally:
        log.close()
    answer = json.loads(outcome)
    assert answer["fetched"] == len(secrets), answer  # else the figures are of something else
    init_end, response = api.init_end, api.response
    assert init_end is not None
    assert response is not None
    return ColdStart(
        init_end.time - started,
        response.time - init_end.time,
        init_end.processor,
        response.processor - init_end.processor,
        peak,
    )


def _read_processor_time(process: int) -> float:
    if sys.platform != "linux":
        return 0.0
    # Another process's clock. Source: clock_getcpuclockid(3), and linux/posix-timers.h.
    return time.clock_gettime((~process << 3) | 2)


def _read_peak(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024 if "VmHWM" in fields else 0
