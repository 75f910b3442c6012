"""Proof: the wheel and the layer are the same bytes wherever and whenever they are built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from proof import Outcome

__all__ = ["build_twice", "built_wheel", "prove"]

ROOT = Path(__file__).resolve().parents[1]
# What a wheel is made of.
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "core_backend", "examples")
_LAYER = """
import sys
from core_backend.deploy import build_layer, zip_layer
build_layer(sys.argv[1], python=f"{sys.version_info.major}.{sys.version_info.minor}")
zip_layer(*sys.argv[1:])
"""
# Two places and times: the time zone, the permissions of new files, the order of sets.
_PLACES = (
    ("here", "UTC", 0o022, "1"),
    ("some where/else", "Asia/Kathmandu", 0o077, "2"),
)


def prove(folder: Path) -> Outcome:
    """Build both twice, under conditions that differ, and compare the bytes."""
    print("builds: wheel and layer, twice", file=sys.stderr, flush=True)
    faults, notes = [], []
    for first, second in build_twice(folder):
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (first, second)]
        if digests[0] == digests[1]:
            notes.append(f"{first.name}: {first.stat().st_size:,} bytes, SHA-256 {digests[0]}")
        else:
            faults.append(f"{first.name} differs: SHA-256 {digests[0]} and {digests[1]}")
    notes.append("the folder, mtime, time zone, umask and hash seed differ")
    return Outcome("Wheel and layer are bit-identical when built again", faults, notes)


def build_twice(folder: Path) -> list[tuple[Path, Path]]:
    """Build wheel and layer in two places, and return the two files of each."""
    return [*zip(*(_build(folder / place[0], *place[1:]) for place in _PLACES), strict=True)]


def built_wheel(folder: Path) -> Path:
    """Return the wheel of ``build_twice``."""
    [wheel] = (folder / _PLACES[0][0]).glob("dist/*.whl")
    return wheel


def _build(folder: Path, zone: str, umask: int, hash_seed: str) -> list[Path]:
    source, unpacked = folder / "source", folder / "unpacked"
    source.mkdir(parents=True)
    for name in _SOURCES:
        origin = ROOT / name
        copied = source / name
        if origin.is_dir():
            shutil.copytree(origin, copied, ignore=shutil.ignore_patterns("__pycache__", "cdk.out"))
        else:
            shutil.copyfile(origin, copied)
    for path in source.rglob("*"):
        if path.is_file():
            path.chmod(0o666 & ~umask)
        os.utime(path, (0, time.time() - umask * 10**6))
    # Coverage would look for the copies of the package later.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    environ |= {"TZ": zone, "PYTHONHASHSEED": hash_seed}
    # It is meant to change the dates in a wheel. Without it, hatchling takes a fixed one.
    environ.pop("SOURCE_DATE_EPOCH", None)
    hatchling = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "../dist"]
    _run(hatchling, source, environ, umask)
    [wheel] = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    environ["PYTHONPATH"] = str(unpacked)
    layer = folder / "layer.zip"
    _run([sys.executable, "-c", _LAYER, str(folder / "layer"), str(layer)], folder, environ, umask)
    return [wheel, layer]


def _run(command: list[str], cwd: Path, environ: dict[str, str], umask: int) -> None:
    subprocess.run(
        command, cwd=cwd, env=environ, umask=umask, check=True, stdout=subprocess.DEVNULL
    )
