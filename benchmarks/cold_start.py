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

__all__ = ["ColdStart", "cold_start"]

_FUNCTIONS = Path(__file__).resolve().parent / "functions"
_REGION = "eu-central-1"
_NAME = "bench"
_ARN = f"arn:aws:lambda:{_REGION}:{ACCOUNT}:function:{_NAME}"
_SECONDS = 60.0


class ColdStart(NamedTuple):
    """What one cold start took."""

    total: float
    """Seconds from starting the process to the first response."""
    invocation: float
    """Seconds of those from handing out the first event to its response."""
    processor: float | None
    """Seconds that the processor worked for it until then, which on a small function is what there
    is too little of; ``None`` where the system does not tell."""
    peak: int | None
    """The most memory the process took, in bytes; ``None`` where the system does not tell."""


def cold_start(function: str, secrets: Sequence[str], environ: Mapping[str, str]) -> ColdStart:
    """Start one of the functions, and have it handle one event that waits for it already."""
    handler = f"{function}.handler"
    variables = lambda_variables(handler, _FUNCTIONS, _NAME, _REGION) | dict(environ)
    event = json.dumps({"secrets": list(secrets)}).encode()
    invocation = Invocation(
        event, timeout=_SECONDS, headers={"Lambda-Runtime-Invoked-Function-Arn": _ARN}
    )
    log = LogPipe()
    try:
        with RuntimeApi() as api:
            api.submit(invocation)
            started = time.perf_counter()
            process = LambdaProcess(
                [sys.executable, "-m", "awslambdaric", handler],
                cwd=str(_FUNCTIONS),
                env=variables | {"AWS_LAMBDA_RUNTIME_API": api.address},
                log=log,
                ended=api.note_exit,
            )
            api.wait(lambda: invocation.outcome is not None or api.exit, _SECONDS)
            total = time.perf_counter() - started
            try:
                answer = _answer(invocation.outcome, log)
                processor = _processor(answer["process"])
                peak = _peak(answer["process"])
            finally:
                process.kill()
    finally:
        log.close()
    assert answer["fetched"] == len(secrets), answer  # else it measures something else
    return ColdStart(total, invocation.duration, processor, peak)


def _answer(outcome: bytes | ErrorReport | None, log: LogPipe) -> dict[str, int]:
    if isinstance(outcome, bytes):
        answer: dict[str, int] = json.loads(outcome)
        return answer
    wrote = "\n".join(log.lines(0, log.position()))
    raise RuntimeError(f"the function failed: {outcome}\n{wrote}")


def _processor(process: int) -> float | None:
    if sys.platform != "linux":
        return None
    # Another process's clock. Source: clock_getcpuclockid(3), and linux/posix-timers.h.
    return time.clock_gettime((~process << 3) | 2)


def _peak(process: int) -> int | None:
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024
