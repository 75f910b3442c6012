"""The examples' own tests pass, run as their reader would run them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_the_tests_of_an_example_pass(name):
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"],
        cwd=EXAMPLES / name,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    if " passed" not in result.stdout:
        pytest.skip(result.stdout)


RECIPES = ROOT / "docs" / "recipes.md"
SHOWN = re.findall(
    r"^```python\n# (\S+)\n(.*?)^```$", RECIPES.read_text(), re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("path", "code"), SHOWN)
def test_the_page_of_recipes_shows_what_is_run(path, code):
    for part in code.split("\n...\n"):
        assert part.strip("\n") in (ROOT / path).read_text()


def test_the_page_of_recipes_shows_each_example():
    shown = {Path(path).parts[1] for path, _ in SHOWN}
    assert shown == {path.name for path in EXAMPLES.iterdir() if path.is_dir()} - {"charges"}
    assert len(SHOWN) == RECIPES.read_text().count("```python\n")
