"""The documents: what they show is run, and what they say of settings is so."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.documents import Document
from support.settings import vars_of

from core_backend import SecretName
from core_backend._configuration import ENV_PREFIX, NAMES, Settings, read_settings
from core_backend.testing import fake_secrets

ROOT = Path(__file__).parents[2]
# A guide that is a project of its own has a test of its own: test_docs_testing.py,
# cdk/test_infrastructure_guide.py, test_examples.py, test_migrating.py, test_first_handler.py and
# cdk/test_site_examples.py.
NAMES_OF_PROJECTS = (
    *("testing", "infrastructure", "recipes", "migrating", "first-handler", "reference/cdk"),
)
PROJECTS = {ROOT / "docs" / f"{name}.md" for name in NAMES_OF_PROJECTS}
DOCUMENTS = [ROOT / "README.md", *sorted({*(ROOT / "docs").rglob("*.md")} - PROJECTS)]
# What pytest-asyncio warns of where it is not said.
ASYNCIO = "asyncio_default_fixture_loop_scope=function"


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request):
    return Document(request.param)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of one's own, whose modules can be imported, and are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


def test_a_documents_python_runs(document, folder):
    names = []
    for path in document.write_files(folder):
        if not path.name.startswith("test_"):
            module = importlib.import_module(path.stem)
            names += [value for value in vars(module).values() if isinstance(value, SecretName)]
    with fake_secrets({name: f"pl4nted-{name}" for name in names}):
        document.run_snippets({"__name__": "document"})


@pytest.mark.parametrize("module", ["handler", "plain"])
def test_the_async_and_the_sync_handler_of_the_readme_answer(module, folder, lambda_context):
    Document(ROOT / "README.md").write_files(folder)
    shown = importlib.import_module(module)
    names = [one for one in vars(shown).values() if isinstance(one, SecretName)]
    with fake_secrets(dict.fromkeys(names, "pl4nted")):
        assert re.search(r"\b7 characters", shown.handler({}, lambda_context)["body"])


def test_a_documents_tests_pass(document, folder, pytestconfig):
    if not pytestconfig.pluginmanager.has_plugin("core_backend"):
        pytest.skip("the package is not installed here, and so is no plugin of it")
    tests = [path for path in document.write_files(folder) if path.name.startswith("test_")]
    if not tests:
        return
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "-o", ASYNCIO, *tests],
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == pytest.ExitCode.OK, outcome.stdout + outcome.stderr


def test_the_table_of_settings_is_made_from_the_code():
    page = ROOT / "docs" / "settings.md"
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? ?\| .+ \|$", page.read_text(), re.MULTILINE)
    assert [name for name, _ in rows] == list(NAMES)
    told = {f"{ENV_PREFIX}{name.upper()}": default for name, default in rows}
    assert vars_of(read_settings(told)) == vars_of(Settings())
    script = runpy.run_path(str(ROOT / "docs" / "write_settings.py"))
    assert script["update"](page.read_text()) == page.read_text(), "python docs/write_settings.py"


def test_the_table_of_extras_has_each():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].keys()
    page = (ROOT / "docs" / "installing.md").read_text()
    told = re.findall(r"^\| `([\w-]+)` \| \w[^|]* \|", page, re.MULTILINE)
    assert sorted(told) == sorted(extras - {"all"})


def test_the_readme_fits_on_a_screen_and_is_the_sites_first_page():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 80
    assert (ROOT / "docs" / "index.md").read_text().startswith("```{include} ../README.md\n")


def test_links_within_the_repository_lead_somewhere():
    for path in [*DOCUMENTS, *PROJECTS, ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_guide_to_reliability_counts_the_checks_that_there_are(request):
    page = (ROOT / "docs" / "reliability.md").read_text()
    told = {
        place: int(number.replace(",", ""))
        for number, place in re.findall(r"^\| ([\d,]+) \|.*\| `(\S+)` \|$", page, re.MULTILINE)
    }
    results = json.loads((ROOT / "benchmarks" / "results" / "peers_faults.json").read_text())
    answers = [row.keys() - {"number", "what", "wanted"} for row in results["rows"]]
    assert told["benchmarks/peers_faults.py"] == sum(map(len, answers))
    model = (ROOT / "tests" / "whole" / "model" / "test_interleavings.py").read_text()
    assert told["tests/whole/model"] == sum(map(int, re.findall(r"_seeds\(([\d_]+)", model)))
    defects = re.findall(r"^def \w+\(patch\):", model, re.MULTILINE)
    assert f"{len(defects)} defects planted in the store" in page
    if request.config.getoption("keyword"):
        return
    for folder in ("tests/whole/faults", "tests/_engine", "tests/sources"):
        tests = [item for item in request.session.items if item.path.is_relative_to(ROOT / folder)]
        # Only a run of the whole folder can tell.
        if {test.path for test in tests} == {*(ROOT / folder).rglob("test_*.py")}:
            assert told[folder] == round(len(tests), -2), f"{len(tests)} in {folder}"
