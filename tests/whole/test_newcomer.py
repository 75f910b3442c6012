"""A project of somebody else's, in an environment of its own, with the built wheel: it passes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEWCOMER = ROOT / "tests" / "newcomer"


def run(*command: str | Path, cwd: Path) -> str:
    ours = ("COVERAGE_", "PYTEST_", "PYTHON", "TOX_", "VIRTUAL_ENV")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    result = subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=600, check=False
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    return output


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    # tox has built it already.
    built = [Path(path) for path in os.environ.get("TOX_PACKAGE", "").split(os.pathsep) if path]
    if not built:
        folder = tmp_path_factory.mktemp("wheel")
        run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, ROOT, cwd=folder)
        built = list(folder.glob("*.whl"))
    return built[0]


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="it takes a minute, so one interpreter has to do: 3.13"
)
def test_a_newcomers_tests_pass_and_fetch_no_more_than_they_have_to(wheel, tmp_path):
    project = tomllib.loads((NEWCOMER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [
        name.replace(
            "core_backend[testing-async]", f"core_backend[testing-async] @ {wheel.as_uri()}"
        )
        for name in project["dependencies"]
    ]
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", *needed, cwd=tmp_path)
    installed = run(python, "-m", "pip", "list", "--format=freeze", cwd=tmp_path)
    assert "aiobotocore" not in installed, "the extra testing-async is enough"
    # Not from this tree.
    shutil.copytree(NEWCOMER, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    output = run(python, "-m", "pytest", "-q", cwd=tmp_path / "project")
    assert "5 passed" in output
    assert "8 fetches in 5 tests" in output
