"""Functions to run, written where they are tested."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def task_root(tmp_path: Path) -> Callable[[str], Path]:
    """Write a handler's module, and return the folder it is in."""

    def write(source: str) -> Path:
        folder = tmp_path / "src"
        folder.mkdir(exist_ok=True)
        (folder / "handler.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def unmeasured(monkeypatch):
    """These functions are nothing of ours, and are killed in the midst of things."""
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
