"""Rehearse a release: check the version and the changelog, build, and check what is in the files.

Uploads nothing. Ends with 1 if the release would be wrong, and says all that is.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = Path(__file__).resolve().parents[1]
_MAX_BYTES = {".whl": 600_000, ".gz": 2_500_000}
_SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
_IN_WHEEL = re.compile(r"core_backend/|core_backend-[^/]+\.dist-info/")
_NOT_IN_WHEEL = re.compile(r"(^|/)(tests?|test_[^/]*|conftest\.py|__pycache__)(/|$|\.py$)|\.pyc$")
_IN_SDIST = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "core_backend/__init__.py")
_EXAMPLE = """\
example:
  tox run -e release

docs/releasing.md says when to run this, and what comes after it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Rehearse; return 0 if the release is in order, 1 if not."""
    options = _parse(argv)
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    version = str(project["version"])
    tags, changelog = _tags(), (_ROOT / "CHANGELOG.md").read_text()
    faults = tag_faults(version, tags) + changelog_faults(changelog, version)
    if tags:
        faults += unreleased_faults(changelog)
    options.output.mkdir(parents=True, exist_ok=True)
    for old in options.output.glob("*"):
        old.unlink()
    # The wheel is built from the sdist, so this shows that the sdist builds without git.
    subprocess.run([sys.executable, "-m", "build", "-o", options.output, _ROOT], check=True)
    for file in sorted(options.output.iterdir()):
        names = _names(file)
        print("\n".join([f"{file.name}: {file.stat().st_size:,} bytes", *names]))
        faults += file_faults(file.name, file.stat().st_size, names)
    print("\n".join(faults or [f"core_backend {version} is in order"]))
    return 1 if faults else 0


def tag_faults(version: str, tags: Sequence[str]) -> list[str]:
    """Return what is wrong with the tags of the commit; without a tag, it is no release yet."""
    if not tags or f"v{version}" in tags:
        return []
    return [f"pyproject.toml has version {version}, but the tag is {', '.join(tags)}"]


def changelog_faults(text: str, version: str) -> list[str]:
    """Return what is wrong with the changelog's section for the version."""
    found = re.search(
        rf"^## \[{re.escape(version)}\] - (.*)\n((?:(?!^## ).*\n?)*)", text, re.MULTILINE
    )
    if found is None:
        return [f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'"]
    faults = []
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", found[1]):
        faults.append(f"CHANGELOG.md dates {version} '{found[1]}', which is not YYYY-MM-DD")
    sections = re.findall(r"^### (.+)$", found[2], re.MULTILINE)
    if not sections:
        faults.append(f"CHANGELOG.md has nothing under {version}")
    faults += [
        f"CHANGELOG.md has '### {section}' under {version}; use one of {', '.join(_SECTIONS)}"
        for section in sections
        if section not in _SECTIONS
    ]
    return faults


def unreleased_faults(text: str) -> list[str]:
    """Return a fault if the changelog of a tagged commit has entries that belong to no version."""
    unreleased = re.search(r"^## \[Unreleased\]\n((?:(?!^## ).*\n?)*)", text, re.MULTILINE)
    if unreleased and unreleased[1].strip():
        return ["CHANGELOG.md has entries under [Unreleased]; move them to the version"]
    return []


def file_faults(name: str, size: int, names: Sequence[str]) -> list[str]:
    """Return what is wrong with a built file that contains the paths ``names``."""
    limit = _MAX_BYTES[Path(name).suffix]
    faults = [f"{name} has {size:,} bytes; the limit is {limit:,}"] if size > limit else []
    if name.endswith(".whl"):
        wrong = [path for path in names if not _IN_WHEEL.match(path) or _NOT_IN_WHEEL.search(path)]
        return [*faults, *(f"{name} contains {path}" for path in wrong)]
    inside = {path.partition("/")[2] for path in names}
    return [*faults, *(f"{name} lacks {path}" for path in _IN_SDIST if path not in inside)]


def _tags() -> list[str]:
    """Return the release tags of the commit; none where there is no git, or no repository."""
    try:
        command = ["git", "-C", str(_ROOT), "tag", "--points-at", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return [tag for tag in done.stdout.split() if re.match(r"v\d", tag)]


def _names(file: Path) -> list[str]:
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            return sorted(archive.namelist())
    with tarfile.open(file) as archive:
        return sorted(archive.getnames())


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "release",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    help_ = "folder for the wheel and the sdist, which is emptied (default: dist)"
    parser.add_argument("--output", type=Path, default=_ROOT / "dist", help=help_)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
