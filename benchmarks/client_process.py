"""One library in a process of its own, as in a warm execution environment."""

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

__all__ = ["ClientProcess", "Read", "StuckError"]

_HERE = Path(__file__).resolve().parent


class StuckError(Exception):
    """The process did not answer in time, or has ended."""


class Read(NamedTuple):
    """The outcome of one read: a value or an error."""

    value: str | None
    error: str
    seconds: float


class ClientProcess:
    """A process that obeys commands, and answers each; a context manager.

    Args:
        client: The module of clients/ that it runs.
        environ: The variables that lead the library to the service.
        patience: How many seconds one command may take.
        quiet: Whether what the library writes about failures is thrown away.
    """

    def __init__(
        self,
        client: str,
        environ: Mapping[str, str],
        *,
        patience: float = 120.0,
        quiet: bool = False,
    ) -> None:
        self._patience = patience
        # Without this process's own AWS settings.
        inherited = {key: text for key, text in os.environ.items() if not key.startswith("AWS_")}
        variables = {**inherited, **environ}
        folders = [str(_HERE), variables.get("PYTHONPATH", "")]
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clients", client],
            # Not where a checkout's core_backend would be imported before the service's copy.
            cwd=_HERE,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
            start_new_session=True,
        )
        # The time that it takes to import the library belongs to no command.
        self.do("greet")

    def do(self, command: str, **arguments: object) -> Any:
        """Have a command of ``clients/__main__.py`` carried out, and return its answer.

        Raises:
            StuckError: There is no answer in time. The process has been ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(self._patience, self._kill)
        timer.start()
        print(json.dumps({"do": command, **arguments}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        timer.cancel()
        if not answer:
            raise StuckError(f"no answer to {command!r}")
        return json.loads(answer)

    def read(self, secret: str, **options: object) -> Read:
        """Read one secret."""
        [outcome] = self._read("read", secret=secret, **options)
        return outcome

    def read_on_new_loop(self, secret: str) -> Read:
        """Read one secret by ``asyncio.run``, if the library is asynchronous."""
        [outcome] = self._read("read on a new loop", secret=secret)
        return outcome

    def read_together(self, secrets: Sequence[str], *, fresh: bool = False) -> list[Read]:
        """Read them all at the same time."""
        return self._read("read together", secrets=secrets, fresh=fresh)

    def read_in_fork(self, secret: str) -> list[Read]:
        """Read one secret in the process and in a child of it."""
        return self._read("read in a fork", secret=secret)

    def read_without_descriptors(self, secret: str) -> Read:
        """Read one secret while the process can open no file and no socket."""
        [outcome] = self._read("read without descriptors", secret=secret)
        return outcome

    def read_after_signals(self, secrets: Sequence[str]) -> list[Read]:
        """Read each secret after a signal handler raised in the middle of reading it."""
        return self._read("read after signals", secrets=secrets)

    def read_beside_finalizers(self, secrets: Sequence[str]) -> list[Read]:
        """Read them while finalizers on the same thread read others."""
        return self._read("read beside finalizers", secrets=secrets)

    def read_in_subinterpreter(self, secret: str) -> Read:
        """Read one secret in another interpreter of the process."""
        [outcome] = self._read("read in a subinterpreter", secret=secret)
        return outcome

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End the process, even if it is stuck."""
        with self._process:
            self._kill()

    def _kill(self) -> None:
        """End the process and its children, which hold its pipes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self, command: str, **arguments: object) -> list[Read]:
        started = time.monotonic()
        answer = self.do(command, **arguments)
        seconds = time.monotonic() - started
        outcomes = answer if isinstance(answer, list) else [answer]
        return [Read(one.get("value"), one.get("error", ""), seconds) for one in outcomes]
