"""The page for newcomers is a project: its tests pass. tests/cdk synthesizes its stack."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.documents import Document

PAGE = Path(__file__).parents[2] / "docs" / "first-handler.md"


def test_its_tests_pass(tmp_path):
    Document(PAGE).write_files(tmp_path)
    toml = r"^```toml\n# pyproject.toml\n(.*?)^```$"
    [settings] = re.findall(toml, PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "pyproject.toml").write_text(settings)
    # The page installs the extra testing, which brings no asyncio plugin.
    plugins = ["-p", "no:asyncio", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *plugins, "tests"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr
