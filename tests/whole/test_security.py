"""SECURITY.md and docs/security/: each statement names what proves it, and that exists."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
FOLDER = ROOT / "docs" / "security"
PAGES = [ROOT / "SECURITY.md", *sorted(FOLDER.glob("*.md"))]
NAMED = re.compile(r"`([\w/.]+)::(\w+)`")
# What a page says that no test can show: advice, and what is not promised.
NO_PROMISE = ("advice", "a limit")


def rows_of(page, columns):
    """Return the cells of a page's tables that have so many columns, without their heads."""
    rows = re.findall(r"^\| (?!---|--:)(.+) \|\n(?!\| -)", page.read_text(), re.MULTILINE)
    cells = [re.split(r" \| ", row) for row in rows]
    return [row for row in cells if len(row) == columns]


def plain(text):
    return " ".join(re.sub(r"[*`]|\]\([^)]*\)|\[", "", text).split())


def load(path):
    spec = importlib.util.spec_from_file_location(f"of_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_test_that_a_page_names_exists(page):
    text = page.read_text()
    for path, test in NAMED.findall(text):
        source = (TESTS / path).read_text()
        assert re.search(rf"def {test}\(", source), f"{page.name}: {path}::{test}"
    for path in re.findall(r"`([\w/]+/test_\w+\.py)`", text):
        assert (TESTS / path).is_file(), f"{page.name}: {path}"


@pytest.mark.parametrize(
    ("page", "columns", "at_least"),
    [("promises.md", 2, 30), ("threat-model.md", 3, 15), ("own-code.md", 3, 8)],
)
def test_each_row_names_what_proves_it(page, columns, at_least):
    rows = rows_of(FOLDER / page, columns)
    assert len(rows) >= at_least
    for row in rows:
        proof = row[-1]
        assert NAMED.search(proof) or (page == "promises.md" and proof in NO_PROMISE), row


def test_each_sentence_of_what_is_protected_has_a_row():
    protected = (ROOT / "SECURITY.md").read_text().partition("## What is protected\n")[2]
    protected = protected.partition("\n## ")[0]
    # The title of a paragraph is no sentence.
    protected = plain(re.sub(r"^\*\*.+?\*\*", "", protected, flags=re.MULTILINE))
    rest = protected
    for clause, _ in rows_of(FOLDER / "promises.md", 2):
        assert plain(clause) in protected, f"SECURITY.md does not say: {clause}"
        rest = rest.replace(plain(clause), "")
    assert not re.sub(r"[\s.,:;]|\band\b|\bso\b", "", rest), f"no test is named for: {rest}"


def logged(path):
    """Return the level and the text of each line that a module logs."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"debug", "info", "warning", "error", "exception", "critical"}
            and "log" in ast.unparse(node.func.value).lower()
        ):
            yield node.func.attr, node.args[0].value


def test_the_guide_has_each_line_that_is_logged():
    told = {(row[0], row[1].strip("`")) for row in rows_of(FOLDER / "operations.md", 3)}
    package = ROOT / "core_backend"
    modules = [path for path in package.rglob("*.py") if "testing" not in path.parts]
    assert {line for path in modules for line in logged(path)} == told


def lines_of(path, name):
    """Return how many lines a function or class has: of its ``overload``s, the longest."""
    node = ast.parse(path.read_text())
    for part in name.split("."):
        found = [each for each in node.body if getattr(each, "name", None) == part]
        assert found, f"{path} has no {name}"
        node = max(found, key=lambda each: each.end_lineno - each.lineno)
    return node.end_lineno - node.lineno + 1


def test_a_first_review_is_short_and_finds_what_it_is_sent_to():
    text = (FOLDER / "review.md").read_text()
    parts = re.findall(r"^- `(\S+\.py)`: ((?:`\S+?`,?\s+)+)", f"{text}\n", re.MULTILINE)
    names = [(ROOT / path, name) for path, them in parts for name in re.findall(r"`(\S+?)`", them)]
    assert len(names) == len(re.findall(r"`[\w.]+`[,\n]", text)) > 30
    assert 400 < sum(lines_of(path, name) for path, name in names) < 600


def cases_of(path, test):
    """Return with how many cases a test runs what it holds against its oracle."""
    module = load(TESTS / path)
    function = getattr(module, test)
    if hasattr(function, "hypothesis"):
        return function._hypothesis_internal_use_settings.max_examples
    cases = 1
    for mark in function.pytestmark:
        cases *= len(mark.args[1])
    return cases


def test_the_numbers_of_cases_are_true():
    rows = rows_of(FOLDER / "own-code.md", 3)
    told = [(row[1], NAMED.findall(row[2])) for row in rows if row[1].isdigit()]
    assert len(told) >= 5
    for number, tests in told:
        assert sum(cases_of(*test) for test in tests) >= int(number), tests


def test_each_environment_that_needs_the_sdk_is_listed():
    told = "".join(row[0] for row in rows_of(FOLDER / "own-code.md", 2))
    module = load(TESTS / "sources" / "test_endpoints.py")
    tried = {
        name for more, _ in module.test_the_sdk_is_needed_for.pytestmark[0].args[1] for name in more
    }
    assert {name for name in map(str.upper, tried) if name not in told} <= {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    }


def test_a_fetch_writes_no_file(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import os, sys
        written = []

        def watch(event, arguments):
            if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                written.append(arguments[0])
            elif event in {"os.rename", "os.mkdir", "os.link", "os.symlink", "os.truncate"}:
                written.append(arguments[0])

        sys.addaudithook(watch)
        from core_backend import clear_secrets, configure, get_secret, get_secrets

        assert get_secret("db").result() == "pl4nted-db"
        with configure(redact_logs=True, batch=True):
            assert get_secrets("db", "other", fresh=True).result() == ("pl4nted-db", "pl4nted-o")
        try:
            get_secret("absent").result()
        except Exception as error:
            assert type(error).__name__ == "SecretNotFoundError", error
        clear_secrets()
        assert not written, written
        if sys.argv[1:]:
            open(sys.argv[1], "w").close()
            assert written, "the watch sees nothing"
    """)
    )
    from support.secret_service import SecretService  # noqa: PLC0415

    with SecretService({"db": "pl4nted-db", "other": "pl4nted-o"}) as service:
        done = subprocess.run(
            [sys.executable, "-B", program, tmp_path / "file"],
            env=service.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
