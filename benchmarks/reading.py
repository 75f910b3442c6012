"""A library that reads, in a process of its own, from a service that fails as a row says."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Outcome", "Reader", "Stuck"]

_HERE = Path(__file__).resolve().parent


class Stuck(Exception):  # noqa: N818  # what it was
    """There was no answer in time."""


class Outcome(NamedTuple):
    """What a read came to."""

    value: str | None
    error: str
    seconds: float


class Reader:
    """One library's process.

    Args:
        module: Of readers/, what speaks for the library.
        environ: What leads an AWS client to the service.
        patience: How many seconds it may take to do anything.
    """

    def __init__(self, module: str, environ: Mapping[str, str], patience: float) -> None:
        self._patience = patience
        # Nothing of this process's own AWS settings, but what it needs to find Python's modules.
        kept = {key: text for key, text in os.environ.items() if not key.startswith("AWS_")}
        path = os.pathsep.join(filter(None, [str(_HERE), kept.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "readers", module],
            env={**kept, **environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what a library has to say of the faults
            text=True,
            start_new_session=True,
        )
        # What it takes to load the library is no part of a read.
        self.do("be there")

    def read(self, secret: str, **how: object) -> Outcome:
        """Read one secret."""
        [outcome] = self._outcomes("read", secret=secret, **how)
        return outcome

    def read_on_a_loop_of_its_own(self, secret: str) -> Outcome:
        """Read one secret by ``asyncio.run``, where the library is asynchronous."""
        [outcome] = self._outcomes("read on a loop of its own", secret=secret)
        return outcome

    def together(self, secrets: Sequence[str], *, fresh: bool = False) -> list[Outcome]:
        """Read them at the same time."""
        return self._outcomes("together", secrets=secrets, fresh=fresh)

    def on_both_sides_of_a_fork(self, secret: str) -> list[Outcome]:
        """Read one secret in the process and in a child of it."""
        return self._outcomes("fork", secret=secret)

    def do(self, command: str, **given: object) -> Any:
        """Have it do something else, and return its answer.

        Raises:
            Stuck: It was not done in time. The process is ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(self._patience, self._kill)
        timer.start()
        print(json.dumps({"do": command, **given}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        timer.cancel()
        if not answer:
            raise Stuck
        return json.loads(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End it, whatever it waits for."""
        with self._process:
            self._kill()

    def _kill(self) -> None:
        """End the process, and the children it may have forked, which hold its pipes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _outcomes(self, command: str, **given: object) -> list[Outcome]:
        started = time.monotonic()
        answer = self.do(command, **given)
        seconds = time.monotonic() - started
        told = answer if isinstance(answer, list) else [answer]
        return [Outcome(one.get("value"), one.get("error", ""), seconds) for one in told]
