"""The reference has each public name, with an example that the other tests run."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import core_backend

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [*(DOCS / "reference").glob("*.md"), *(DOCS / "errors").glob("*.md")]
MODULES = [
    "core_backend",
    "core_backend.deploy",
    "core_backend.settings",
    "core_backend.testing",
    "core_backend.testing.local_lambda",
    "core_backend.testing.moto_server",
]


@pytest.fixture(scope="module")
def sections():
    """The text of each documented name: what is around its directive in its section."""
    found = {}
    for page in PAGES:
        for section in re.split(r"^## (?=`)", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
            for name in re.findall(r"^\.\. auto\w+:: ([\w.]+)$", section, re.MULTILINE):
                assert name not in found, f"{name} is documented twice"
                found[name] = section
    return found


def documented_with_example(sections, name):
    short = name.rpartition(".")[2]
    fence = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    examples = fence.findall(sections.get(name, ""))
    return any(re.search(rf"\b{short}\b", example) for example in examples)


@pytest.mark.parametrize("module", MODULES)
def test_each_public_name_is_documented_with_an_example(module, sections):
    names = [f"{module}.{name}" for name in importlib.import_module(module).__all__]
    assert [name for name in names if not documented_with_example(sections, name)] == []


def test_each_public_name_of_cdk_is_documented_with_an_example(sections):
    # Not imported: that needs Node.js.
    source = Path(core_backend.__file__).with_name("cdk").joinpath("__init__.py").read_text()
    names = re.findall(r'^    "(\w+)",$', source.partition("__all__")[2], re.MULTILINE)
    assert len(names) == 7
    elsewhere = {"check": "core_backend.deploy", "get_resource_name": "core_backend"}
    assert [
        name
        for name in names
        if not documented_with_example(
            sections, f"{elsewhere.get(name, 'core_backend.cdk')}.{name}"
        )
    ] == []


def test_each_error_has_a_page_with_cause_and_fix_that_the_list_links_to():
    index = (DOCS / "errors" / "index.md").read_text()
    errors = [name for name in core_backend.__all__ if name.endswith("Error")]
    pages = {path.stem for path in (DOCS / "errors").glob("*.md")} - {"index"}
    assert pages == set(errors)
    for name in errors:
        page = (DOCS / "errors" / f"{name}.md").read_text()
        assert f"\n.. autoexception:: core_backend.{name}\n" in page
        assert "\n| cause | fix |\n" in page
        assert f"[{name}]({name}.md)" in index
