"""The rehearsal of a release says what would be wrong with it."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASE = runpy.run_path(str(ROOT / "release" / "__main__.py"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
WHEEL = "core_backend-1.0-py3-none-any.whl"


def test_the_tag_has_to_be_the_version():
    assert RELEASE["tag_faults"]("1.0.0", []) == []
    assert RELEASE["tag_faults"]("1.0.0", ["v1.0.0"]) == []
    assert "the tag is v1.1.0" in RELEASE["tag_faults"]("1.0.0", ["v1.1.0"])[0]


def test_the_changelog_has_a_dated_section_for_this_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert RELEASE["changelog_faults"](text, VERSION) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("## [1.0.1] - 2026-01-01\n\n### Added\n", "has no section"),
        ("## [1.0.0] - unreleased\n\n### Added\n", "not YYYY-MM-DD"),
        ("## [1.0.0] - 2026-01-01\n\n## [0.9.0] - 2025-01-01\n\n### Added\n", "nothing under"),
        ("## [1.0.0] - 2026-01-01\n\n### News\n", "'### News'"),
    ],
)
def test_a_changelog_that_is_not_ready_is_refused(text, fault):
    [found] = RELEASE["changelog_faults"](text, "1.0.0")
    assert fault in found


def test_a_release_leaves_nothing_unreleased():
    assert RELEASE["unreleased_faults"]("## [Unreleased]\n\n## [1.0.0] - 2026-01-01\n") == []
    text = "## [Unreleased]\n\n- New.\n\n## [1.0.0] - 2026-01-01\n"
    assert "move them" in RELEASE["unreleased_faults"](text)[0]


@pytest.mark.parametrize(
    "path",
    ["tests/test_a.py", "core_backend/tests/a.py", "core_backend/test_a.py", "conftest.py"],
)
def test_no_tests_are_allowed_in_the_wheel(path):
    usual = ["core_backend/__init__.py", "core_backend/testing/fakes.py"]
    notes = "core_backend-1.0.dist-info/METADATA"
    assert RELEASE["file_faults"](WHEEL, 1, [*usual, notes]) == []
    assert RELEASE["file_faults"](WHEEL, 1, [*usual, path]) == [f"{WHEEL} contains {path}"]


def test_sizes_are_limited_and_the_sdist_is_complete():
    assert "the limit is" in RELEASE["file_faults"](WHEEL, 10**9, [])[0]
    lacking = RELEASE["file_faults"]("a.tar.gz", 1, ["a/README.md"])
    assert "a.tar.gz lacks LICENSE" in lacking
    assert "a.tar.gz lacks README.md" not in lacking
