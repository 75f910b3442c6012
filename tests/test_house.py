"""The house: how many rooms there are, how large each is, and what a cold start loads of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import core_backend

PACKAGE = Path(core_backend.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

FETCH = """
import sys
from core_backend import get_secret
from core_backend.sources.direct import DirectSource
try:
    get_secret("a").result()
except Exception as error:
    assert type(error).__name__ == "SecretUnavailableError", repr(error)
print(*[name for name in sys.modules if name.startswith("core_backend")])
"""


def test_the_root_can_be_taken_in_at_a_glance():
    entries = [path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= 24, entries


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_a_first_fetch_loads_at_most_30_modules_of_ours():
    environ = {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_REGION": "eu-west-1",
        # Where nothing listens: connecting fails at once.
        "AWS_ENDPOINT_URL": "https://127.0.0.1:9",
        "CORE_BACKEND_ATTEMPTS": "1",
        "PYTHONPATH": ":".join(path for path in sys.path if path),
    }
    done = subprocess.run(
        [sys.executable, "-c", FETCH], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    # A failure loads these in addition.
    loaded -= {"core_backend._engine.failures", "core_backend.sources.failures"}
    assert len(loaded) <= 30, sorted(loaded)


def test_importing_the_package_does_not_load_the_engine_or_a_source():
    program = "import sys, core_backend; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name for name in done.stdout.split() if name.startswith("core_backend")}
    assert not [name for name in loaded if name.startswith("core_backend.sources")]
    assert loaded & {"core_backend._engine.store", "core_backend._engine.process"} == set()
