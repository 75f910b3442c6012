"""A terminal with a person at it: a process on a pseudo-terminal, typed to and read from."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

__all__ = ["Terminal"]

_PATIENCE = 20.0
# What a shell does for its jobs: the terminal is the process's own, so that Ctrl-C reaches it and
# /dev/tty is there.
_OWN_TERMINAL = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    # Of a job in the background, and of its children, SIGINT is ignored.
    "signal.signal(signal.SIGINT, signal.SIG_DFL)"
)
_RUN = "os.execvp(sys.argv[1], sys.argv[1:])"


class Terminal:
    """Runs a command on a terminal of its own; a context manager."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], cwd: str, columns: int = 120
    ) -> None:
        self.output = ""
        """Everything that was shown until now."""
        self._seen = 0
        self._master, slave = os.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"{_OWN_TERMINAL}; {_RUN}", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**env, "TERM": "xterm", "COLUMNS": str(columns), "LINES": "40"},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)

    def expect(self, text: str) -> None:
        """Wait until ``text`` is shown, behind what was waited for last."""
        give_up = time.monotonic() + _PATIENCE
        while text not in self.output[self._seen :]:
            assert self._read(give_up), f"{text!r} is not shown, but {self.output!r}"
        self._seen = self.output.index(text, self._seen) + len(text)

    def type(self, keys: str) -> None:
        """Type; a line ends with ``\\r``, and ``\\x03`` is Ctrl-C."""
        os.write(self._master, keys.encode())

    def wait(self) -> int:
        """Read to the end, and return the exit code."""
        give_up = time.monotonic() + _PATIENCE
        while self._read(give_up):
            pass
        return self._process.wait(_PATIENCE)

    def _read(self, give_up: float) -> bool:
        """Read what there is; ``False`` at the end, and when the time is over."""
        ready, _, _ = select.select([self._master], [], [], max(0, give_up - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65_536)
        except OSError:
            # Linux's way to say that the last process has closed its end.
            return False
        self.output += data.decode(errors="replace")
        return bool(data)
