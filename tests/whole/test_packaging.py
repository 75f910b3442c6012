"""The package as it is built and checked: what is tested is what is installed."""

from __future__ import annotations

import os
import re
import runpy
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import core_backend

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]

under_tox = pytest.mark.skipif("TOX_ENV_NAME" not in os.environ, reason="the source tree is tested")


@under_tox
def test_the_built_wheel_is_tested_and_not_the_source_tree():
    assert "site-packages" in Path(core_backend.__file__).parts
    assert metadata.version("core_backend") == PROJECT["version"]


def test_what_is_there_to_be_read_is_in_the_source_distribution():
    included = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {path.name for path in ROOT.glob("*.md")} <= {*included}


@under_tox
def test_the_base_install_needs_what_lambda_needs_and_no_more():
    needed = [r for r in metadata.requires("core_backend") if "extra ==" not in r]
    assert sorted(needed) == sorted(PROJECT["dependencies"])


@pytest.fixture
def path_of_tox(monkeypatch, tmp_path):
    """Return the PATH that tox searches, for these versions in a made-up pyenv."""

    def search(*versions, env=()):
        for version in versions:
            (tmp_path / "versions" / version / "bin").mkdir(parents=True)
        monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
        monkeypatch.setenv("PATH", "/activated")
        monkeypatch.setenv("RUNNING_PYTHON", "")
        runpy.run_path(str(ROOT / "toxfile.py"))
        first, *rest = os.environ["PATH"].split(os.pathsep)
        assert first == "/activated", "what is activated goes first"
        return [str(Path(bin_).relative_to(tmp_path / "versions").parent) for bin_ in rest]

    return search


def test_tox_searches_pyenvs_releases_the_newest_first(path_of_tox):
    versions = ["3.9.18", "3.13.0", "3.11.7", "3.13.10", "3.13.9"]
    assert path_of_tox(*versions) == ["3.13.10", "3.13.9", "3.13.0", "3.11.7", "3.9.18"]


def test_tox_searches_no_previews_and_nothing_but_cpython(path_of_tox):
    assert path_of_tox("3.15.0a1", "3.14-dev", "3.13.0t", "2.7.18", "pypy3.11-7.3.19") == []


def test_tox_tests_the_python_it_runs_on_and_none_that_is_too_old(path_of_tox, monkeypatch):
    for running, tested in [((3, 14), "py314"), ((3, 12), "py312"), ((3, 10), "py311")]:
        monkeypatch.setattr("sys.version_info", (*running, 1))
        path_of_tox()
        assert os.environ["RUNNING_PYTHON"] == tested


def test_the_oldest_releases_that_are_admitted_are_the_oldest_that_are_tested():
    lines = (ROOT / "tests" / "lowest.txt").read_text().splitlines()
    tested = {line for line in lines if not line.startswith("#")}
    extras = PROJECT["optional-dependencies"]
    required = PROJECT["dependencies"] + PYPROJECT["dependency-groups"]["tests"]
    required += [line for extra in ("aws-sdk", "testing", "local") for line in extras[extra]]
    required += extras["testing-async"][1:]
    admitted = {re.sub(r"\[.*?\]", "", line).replace(">=", "==") for line in required}
    assert tested == admitted


def test_ci_runs_what_the_readme_tells_its_reader_to():
    told = "python -m pip install tox && python -m tox run"
    assert told in (ROOT / "README.md").read_text().splitlines()
    assert told in (ROOT / ".ci" / "run").read_text().splitlines()
