"""The tests' Secrets Manager in a process of its own, failing one time in three."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

__all__ = ["KEYS", "Service", "environment"]

KEYS = [f"soak/{n:03d}" for n in range(420)]
# Every third answer is one of these. What is never answered costs its read timeout, so that is few.
_FAULTS = (
    *("throttled", "internal-error", "expired-token", "reset", "reset-mid-header"),
    *("reset-mid-body", "truncated", "non-json", "no-body", "longer-than-told"),
) * 10 + ("access-denied", "access-denied", "stall", "shorter-than-told", "silent")


class Service:
    """A running one.

    Args:
        seed: Of what goes wrong, and when.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        secrets = [part for key in KEYS for part in ("--secret", f"{key}=pl4nted-{key}")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.secret_service", *secrets],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.environ: dict[str, str] = self._answer()

    def fail_one_in_three(self, calls: int) -> None:
        """Let that many more calls go so."""
        names = [
            self._random.choice(_FAULTS) if self._random.random() < 1 / 3 else "serve"
            for _ in range(calls)
        ]
        self._tell("forget")
        self._tell(f"script {' '.join(names)}")

    def serve(self) -> None:
        self._tell("forget")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        print(command, file=self._process.stdin, flush=True)
        self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def environment() -> dict[str, str]:
    """Return an environment in which a process finds these modules as well."""
    path = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
