"""A library in a process of its own, as in a warm execution environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Worker"]

_HERE = Path(__file__).resolve().parent


class Worker:
    """One library's process, which does what it is told, and answers with figures."""

    def __init__(self, client: str, environ: Mapping[str, str]) -> None:
        # Nothing of this process's own AWS settings, but what it needs to find Python's modules.
        kept = {key: text for key, text in os.environ.items() if not key.startswith("AWS_")}
        variables = {**kept, **environ}
        path = os.pathsep.join(filter(None, [str(_HERE), variables.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clients", client],
            env={**variables, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, command: str, **given: object) -> Any:
        """Have it do something, and return what it measured."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"do": command, **given}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process ended with {self._process.wait()}; see above for why")
        return json.loads(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End it."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
