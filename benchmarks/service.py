"""The Secrets Manager that every library is measured against: in a process of its own, over TLS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from trust import trusting

__all__ = ["Service", "secret_names"]

_TESTS = Path(__file__).resolve().parent.parent / "tests"


def secret_names(count: int) -> list[str]:
    """Return the names of ``count`` secrets that the service holds."""
    return [f"bench/secret-{number:03d}" for number in range(count)]


class Service:
    """The tests' Secrets Manager, which answers after a latency that can be set.

    Args:
        secrets: How many it holds.
    """

    def __init__(self, secrets: int = 200) -> None:
        pairs = [f"{name}={number:032x}" for number, name in enumerate(secret_names(secrets))]
        arguments = [part for pair in pairs for part in ("--secret", pair)]
        self._process = subprocess.Popen(  # this interpreter
            [sys.executable, "-m", "support.secret_service", *arguments],
            env={**os.environ, "PYTHONPATH": _python_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        environ = self._answer()
        self._folder = tempfile.TemporaryDirectory()
        trusted = trusting(Path(environ["AWS_CA_BUNDLE"]), Path(self._folder.name))
        self.environ: dict[str, str] = environ | trusted
        """What leads an AWS client to it."""

    def set_latency(self, seconds: float) -> None:
        """Let every answer take that long."""
        self._tell(f"latency {seconds}")

    def calls(self) -> int:
        """Return how many requests have come."""
        return int(self._tell("stats")["calls"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End it."""
        with self._folder, self._process as process:
            assert process.stdin is not None  # it is a pipe
            process.stdin.close()

    def _tell(self, command: str) -> dict[str, str]:
        assert self._process.stdin is not None  # it is a pipe
        print(command, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, str]:
        assert self._process.stdout is not None  # it is a pipe
        answer: dict[str, str] = json.loads(self._process.stdout.readline())
        return answer


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH", "")]))
