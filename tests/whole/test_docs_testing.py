"""The guide to testing is a project whose tests pass: each of its blocks is a file of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCK = re.compile(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STYLES = {
    "tests/test_fakes.py": 5,
    "tests/test_moto.py": 2,
    "tests/test_server.py": 1,
    "tests/test_lambda.py": 1,
    "tests/test_unittest.py": 2,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guide")
    for name, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(project: Path, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    return output


def test_every_block_of_code_is_a_file_of_the_project():
    text = GUIDE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) == len(re.findall(r"^```(?:python|toml)$", text, re.MULTILINE))


def test_its_tests_pass(project):
    output = run(project, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *STYLES)
    assert f"{sum(STYLES.values())} passed" in output


def test_those_of_unittest_pass_without_pytest(project):
    program = (
        "import sys, unittest; sys.path[:0] = ['', 'src']; unittest.main('tests.test_unittest')"
    )
    assert "Ran 2 tests" in run(project, "-c", program)
