"""What an installation of the wheel brings, with each extra: as pip resolves it today."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from email.parser import Parser
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BASE", "Package", "extras_of", "resolve"]

BASE = ""
"""The installation without an extra."""


class Package(NamedTuple):
    """One distribution that pip would install."""

    name: str
    version: str
    sha256: str
    """Of the file; empty if pip does not tell."""
    metadata: dict[str, Any]
    """By the names of pip's report: ``license_expression``, ``license``, ``classifier``."""


def extras_of(wheel: Path) -> list[str]:
    """Return no extra, and then each extra of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        fields = Parser().parsestr(archive.read(name).decode())
    return [BASE, *sorted(fields.get_all("Provides-Extra", []))]


def resolve(wheel: Path, extra: str) -> list[Package]:
    """Return what pip would install, this package included, without installing it."""
    print(f"dependencies: {extra or 'the base install'}", file=sys.stderr, flush=True)
    target = f"{wheel}[{extra}]" if extra else str(wheel)
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
    command += ["--quiet", "--disable-pip-version-check", "--report=-", target]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return read_report(json.loads(done.stdout))


def read_report(report: dict[str, Any]) -> list[Package]:
    """Return the packages of pip's report, by name."""
    packages = [
        Package(
            item["metadata"]["name"],
            item["metadata"]["version"],
            item["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256", ""),
            item["metadata"],
        )
        for item in report["install"]
    ]
    return sorted(packages, key=lambda package: package.name.lower())
