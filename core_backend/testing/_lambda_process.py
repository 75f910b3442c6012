"""The process of one execution environment."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from core_backend.testing._log_pipe import LogPipe

__all__ = ["LambdaProcess"]

_PATIENCE = 10.0
"""How long to wait, in seconds, for what takes microseconds on a machine that is not stuck."""


class LambdaProcess:
    """A process in a group of its own, with whatever it forks."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        log: LogPipe,
        ended: Callable[[str], None],
    ) -> None:
        """Start ``command``; ``ended`` is called from a thread when it ends, and told how."""
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
        """End the group, after ``grace`` seconds in which it may end by itself."""
        self._watcher.join(grace)
        self._signal(signal.SIGKILL)
        self._watcher.join(_PATIENCE)

    def freeze(self) -> None:
        """Stop the group in its tracks; it stands still when this returns, or has ended."""
        self._signal(signal.SIGSTOP)
        give_up = time.monotonic() + _PATIENCE
        while self._moves() and time.monotonic() < give_up:
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let the group go on."""
        self._signal(signal.SIGCONT)

    def _moves(self) -> bool:
        with self._reaping:
            if self._reaped:
                return False
            standing = os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self._process.pid, standing) is None

    def _signal(self, number: signal.Signals) -> None:
        # Once reaped, the id may be another's.
        with self._reaping:
            if not self._reaped:
                os.killpg(self._process.pid, number)

    def _watch(self) -> None:
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        # Whatever it forked goes with it, as the whole environment does on Lambda.
        self._signal(signal.SIGKILL)
        with self._reaping:
            code = self._process.wait()
            self._reaped = True
        self._ended(_said(code))


def _said(code: int) -> str:
    """Return an exit code in Lambda's words."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    name = signal.strsignal(-code) or str(-code)
    return f"Runtime exited with error: signal: {name.lower()}"
