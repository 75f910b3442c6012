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
    "tests/test_refunds.py": 1,
    "tests/test_refunds_unittest.py": 1,
    "tests/test_handler.py": 2,
    "tests/test_handler_unittest.py": 1,
    "tests/test_api.py": 1,
    "tests/test_api_unittest.py": 1,
    "tests/test_fakes.py": 4,
    "tests/test_mocks.py": 3,
    "tests/test_time.py": 1,
    "tests/test_moto.py": 2,
    "tests/test_server.py": 1,
    "tests/test_lambda.py": 1,
    "tests/test_unittest.py": 1,
}
UNITTEST = [name for name in STYLES if "unittest" in name]


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
    names = [name.removesuffix(".py").replace("/", ".") for name in UNITTEST]
    program = (
        "import sys, unittest; sys.path[:0] = ['', 'src']; "
        f"unittest.main(None, argv=['unittest', *{names}])"
    )
    assert f"Ran {len(UNITTEST)} tests" in run(project, "-c", program)


@pytest.mark.parametrize("name", [*STYLES][:6])
def test_the_first_tests_take_twenty_lines_with_what_they_test(name):
    blocks = dict(BLOCK.findall(GUIDE.read_text(encoding="utf-8")))
    module = Path(name).stem.removeprefix("test_").removesuffix("_unittest")
    lines = (blocks[f"src/{module}.py"] + blocks[name]).splitlines()
    assert len([line for line in lines if line]) <= 20
