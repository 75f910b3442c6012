"""The Secrets Manager that every library is measured against: in a process of its own, over TLS.

Each library trusts this service the way it trusts Amazon's. An SDK loads every authority of its
bundle, on Lambda and here, so its bundle holds all the public ones and the service's. core_backend
looks up the one authority that it needs in a folder of its package, so a copy of the package has
the service's authority in that folder. With only the service's certificate in the bundle, the SDKs
would save about 20 ms of processor time at a cold start that they spend on Lambda.
"""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Self

__all__ = ["Service", "secret_names"]

_TESTS = Path(__file__).resolve().parent.parent / "tests"


def secret_names(count: int) -> list[str]:
    """Return the names of ``count`` secrets that the service holds."""
    return [f"bench/secret-{number:03d}" for number in range(count)]


class Service:
    """The tests' Secrets Manager, which answers after a latency that can be set.

    Args:
        secrets: How many it holds.

    Attributes:
        environ: The variables that lead an AWS SDK to the service.
        small_environ: The same, with no authority in the SDK's bundle but the service's.
        own_environ: The variables that lead core_backend to it.
    """

    def __init__(self, secrets: int = 200) -> None:
        pairs = [f"{name}={number:032x}" for number, name in enumerate(secret_names(secrets))]
        arguments = [part for pair in pairs for part in ("--secret", pair)]
        self._process = subprocess.Popen(  # this interpreter
            [sys.executable, "-m", "support.secret_service", *arguments],
            env={**os.environ, "PYTHONPATH": _join_python_path(_TESTS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.small_environ: dict[str, str] = self._answer()
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        authority = Path(self.small_environ["AWS_CA_BUNDLE"])
        bundle = folder / "bundle.pem"
        bundle.write_bytes(_read_public_authorities() + authority.read_bytes())
        self.environ = self.small_environ | {"AWS_CA_BUNDLE": str(bundle)}
        self.own_environ = self.environ | {
            "PYTHONPATH": _join_python_path(_copy(authority, folder)),
            # Empty counts as not set, also where this machine sets it.
            "AWS_CA_BUNDLE": "",
        }

    def set_latency(self, seconds: float) -> None:
        """Let every answer take that long."""
        self._tell(f"latency {seconds}")

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


def _copy(authority: Path, folder: Path) -> Path:
    """Copy core_backend, with bytecode and one more authority; return the folder to import from."""
    package = folder / "python" / "core_backend"
    shutil.copytree(_find_package("core_backend"), package)
    [roots] = (path for path in package.rglob("roots") if path.is_dir())
    shutil.copy(authority, roots)
    compileall.compile_dir(package, quiet=2)
    return package.parent


def _read_public_authorities() -> bytes:
    # What botocore itself loads, where it is told nothing.
    for package in ("certifi", "botocore"):
        if find_spec(package):
            return (_find_package(package) / "cacert.pem").read_bytes()
    print("there is no bundle of certificates for the SDKs to load", file=sys.stderr)
    return b""


def _find_package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None  # it is installed
    assert spec.origin is not None  # with an __init__.py
    return Path(spec.origin).parent


def _join_python_path(first: Path) -> str:
    return os.pathsep.join(filter(None, [str(first), os.environ.get("PYTHONPATH", "")]))
