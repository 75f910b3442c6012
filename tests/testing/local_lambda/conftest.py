"""Fixtures for tests that run a function under the Lambda runtime client."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def task_root(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes handler.py and returns its folder."""

    def write(source: str) -> Path:
        folder = tmp_path / "src"
        folder.mkdir(exist_ok=True)
        (folder / "handler.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def unmeasured(monkeypatch):
    """Measure no coverage in the function: none of our code runs there, and tests kill it."""
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
