"""The process of one execution environment, and the pipe that it writes its log to."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["LambdaProcess", "LogPipe"]

_PATIENCE = 10.0
"""Seconds to wait for a step that takes microseconds unless the machine is stuck."""
# More than a pipe holds, so that one read empties it: its writers wait meanwhile.
_PIPE_SIZE = 1 << 20
# The runtime client ends the lines within one log event with \r; CloudWatch shows them as lines.
_LINE_END = re.compile(r"\r\n|\n|\r")


class LambdaProcess:
    """A process in a group of its own, together with everything that it forks."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        log: LogPipe,
        ended: Callable[[str], None],
    ) -> None:
        """Start ``command``. When it ends, a thread calls ``ended`` with how it ended."""
        self._process = subprocess.Popen(  # noqa: S603  # the caller's interpreter
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log.write_end,
            stderr=log.write_end,
            start_new_session=True,
        )
        self._ended = ended
        self._reaping = threading.Lock()
        self._reaped = False
        self._watcher = threading.Thread(target=self._watch, name="lambda-exit", daemon=True)
        self._watcher.start()

    def terminate(self) -> None:
        """Ask the group to end."""
        self._signal(signal.SIGTERM)
        self.thaw()

    def kill(self, *, grace: float = 0.0) -> None:
        """Kill the group, unless it ends within ``grace`` seconds."""
        self._watcher.join(grace)
        self._signal(signal.SIGKILL)
        self._watcher.join(_PATIENCE)

    def freeze(self) -> None:
        """Stop the group; when this returns, its first process stands still or has ended."""
        self._signal(signal.SIGSTOP)
        give_up = time.monotonic() + _PATIENCE
        while self._is_moving() and time.monotonic() < give_up:
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let the group go on."""
        self._signal(signal.SIGCONT)

    def _is_moving(self) -> bool:
        with self._reaping:
            if self._reaped:
                return False
            standing = os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self._process.pid, standing) is None

    def _signal(self, number: signal.Signals) -> None:
        # Once the process is reaped, its id may belong to another one.
        with self._reaping:
            if not self._reaped:
                os.killpg(self._process.pid, number)

    def _watch(self) -> None:
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        # On Lambda the whole environment ends with its runtime, so everything it forked does too.
        self._signal(signal.SIGKILL)
        with self._reaping:
            code = self._process.wait()
            self._reaped = True
        self._ended(_describe_exit(code))


class LogPipe:
    """A pipe that processes write their output to, and what came out of it.

    A thread empties the pipe, so that nobody who writes has to wait. ``position`` empties it as
    well: it then counts everything that was written before the call.
    """

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._written = bytearray()
        self._reading = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._read, name="lambda-log", daemon=True)
        self._thread.start()

    def position(self) -> int:
        """Return how many bytes were written until now."""
        with self._reading:
            # The pipe may be empty.
            with contextlib.suppress(BlockingIOError):
                self._written += os.read(self._read_end, _PIPE_SIZE)
            return len(self._written)

    def lines(self, start: int = 0, end: int | None = None) -> tuple[str, ...]:
        """Return the lines between two positions."""
        with self._reading:
            text = self._written[start:end].decode(errors="replace")
        return tuple(_LINE_END.split(text.removesuffix("\n"))) if text else ()

    def close(self) -> None:
        """Close the pipe; processes that still write to it get an error."""
        self._closing = True
        # The thread waits for output: this wakes it.
        os.write(self.write_end, b"\n")
        self._thread.join()
        os.close(self.write_end)
        os.close(self._read_end)

    def _read(self) -> None:
        while not self._closing:
            select.select([self._read_end], [], [])
            self.position()


def _describe_exit(code: int) -> str:
    """Return an exit code in Lambda's words."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    name = signal.strsignal(-code) or str(-code)
    return f"Runtime exited with error: signal: {name.lower()}"
