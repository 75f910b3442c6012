"""The Lambda layer: what a function needs of this package, as bytecode, the same bytes each time.

``/opt`` is read-only on Lambda, so what is not compiled yet is compiled at every cold start: that
takes longer than all that this package does. Source and bytecode together would be twice the size.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import core_backend
from core_backend.deploy import lean
from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    import os

__all__ = ["LayerContents", "build_layer", "interpreter_for", "zip_layer"]

_PACKAGE = "core_backend"
# Parts of this package that work before a deployment, not after it.
_NOT_ON_LAMBDA = ("cdk", "cli", "deploy", "testing")
_SDK_EXTRA = "aws-sdk"
# What is of no use without that extra.
_FOR_THE_SDK = "sources/sdk*"
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# What Lambda's system can load, by its C library: 2.34 in Amazon Linux 2023, and 2.26 in Amazon
# Linux 2, on which Python 3.11 runs. Source: Lambda developer guide, "Lambda runtimes".
_PLATFORMS = ("manylinux_2_28", "manylinux2014")
_OLD_SYSTEM = ("3.11",)
# Where Lambda unpacks a layer; tracebacks name the files there.
_OPT = "/opt"
# Any date will do, if it is always the same one; zip files begin their count here.
_DATE = (1980, 1, 1, 0, 0, 0)


class LayerContents(NamedTuple):
    """What a layer holds."""

    packages: dict[str, str]
    """Each distribution and its version."""
    bytecode: bool
    """Whether the modules are bytecode, for that one Python. Source runs on any, but starts
    later."""


def build_layer(
    folder: str | os.PathLike[str],
    *,
    with_sdk: bool = False,
    python: str = "3.14",
    architecture: str = "arm64",
) -> LayerContents:
    """Put a layer's contents into a folder: this package, as it is installed here.

    Args:
        folder: Where to; it need not exist, and should be empty.
        with_sdk: Also get aiobotocore for Lambda, with pip, from the package index it is set up
            with. Without it nothing is downloaded, and what works with it is left out.
        python: The Python of the function. The layer is bytecode for it, if ``interpreter_for``
            finds it on this machine, and else source.
        architecture: ``arm64`` or ``x86_64``; matters to the SDK alone.

    Raises:
        ConfigurationError: Something is not installed as it should be, or pip failed; says what
            to do.
    """
    if not re.fullmatch(r"3\.(1[1-9]|[2-9]\d)", python) or architecture not in _MACHINES:
        raise ConfigurationError(
            f"a layer is for Python 3.11 or later, such as '3.14', and for "
            f"{' or '.join(_MACHINES)}; not for {python!r} on {architecture!r}"
        )
    target = Path(folder) / "python"
    target.mkdir(parents=True, exist_ok=True)
    this = _distribution()
    _copy_package(target)
    if not with_sdk:
        for path in [*(target / _PACKAGE).glob(_FOR_THE_SDK)]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    _copy_metadata(this, target)
    for dependency in _base_dependencies():
        _copy_modules(dependency, target)
        _copy_metadata(dependency, target)
    interpreter = interpreter_for(python)
    if interpreter:
        script = [lean.__file__, str(target), f"{_OPT}/{target.name}"]
        _compile(interpreter, "-I", *script)
    if with_sdk:
        _install_sdk(this, target, python, _MACHINES[architecture])
        if interpreter:
            options = ["--invalidation-mode=unchecked-hash", "-s", str(target.parent), "-p", _OPT]
            _compile(interpreter, "-m", "compileall", "-q", *options, str(target))
    found = {found.name: found.version for found in metadata.distributions(path=[str(target)])}
    return LayerContents(dict(sorted(found.items())), bytecode=interpreter is not None)


def interpreter_for(python: str) -> str | None:
    """Return the interpreter of that version on this machine: the running one, or one on PATH."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python == here:
        return sys.executable
    found = shutil.which(f"python{python}")
    # It may be a stand-in that only knows where interpreters might be, as pyenv's are.
    return found if found and _runs(found) else None


def _runs(interpreter: str) -> bool:
    done = subprocess.run([interpreter, "-c", ""], capture_output=True, check=False)  # noqa: S603  # Python itself
    return done.returncode == 0


def zip_layer(folder: str | os.PathLike[str], file: str | os.PathLike[str]) -> int:
    """Zip a layer's folder, the same bytes for the same contents, and return the size in bytes."""
    root = Path(folder)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), _DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=9)
    return Path(file).stat().st_size


def _distribution() -> metadata.Distribution:
    try:
        return metadata.distribution(_PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise ConfigurationError(
            f"{_PACKAGE} is not installed in {sys.prefix}, and the layer is made of what is; "
            f"install it there with pip"
        ) from error


def _base_dependencies() -> list[metadata.Distribution]:
    """Return the packages that this one needs without any extra."""
    lines = [line for line in metadata.requires(_PACKAGE) or () if "extra ==" not in line]
    return [metadata.distribution(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in lines]


def _copy_modules(distribution: metadata.Distribution, target: Path) -> None:
    for file in distribution.files or []:
        if file.suffix == ".py":
            _copy(Path(str(distribution.locate_file(file))), target / file)


def _copy_package(target: Path) -> None:
    # Not by its list of files: an editable installation has none.
    root = Path(core_backend.__file__).parent
    for path in root.rglob("*"):
        below = path.relative_to(root)
        if path.is_file() and path.suffix != ".pyc" and below.parts[0] not in _NOT_ON_LAMBDA:
            _copy(path, target / _PACKAGE / below)


def _copy_metadata(distribution: metadata.Distribution, target: Path) -> None:
    """Copy the metadata, for what scans a layer for versions, and the licence."""
    folder = target / f"{distribution.name}-{distribution.version}.dist-info"
    folder.mkdir()
    # Up to the description, which is the README.
    fields, _, _ = str(distribution.read_text("METADATA")).partition("\n\n")
    (folder / "METADATA").write_text(f"{fields}\n")
    for file in distribution.files or []:
        if "licenses" in file.parts:
            _copy(Path(str(distribution.locate_file(file))), folder / file.name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _install_sdk(this: metadata.Distribution, target: Path, python: str, machine: str) -> None:
    wanted = [
        line.split(";")[0].strip()
        for line in this.requires or []
        if re.search(rf"extra == .{_SDK_EXTRA}.", line)
    ]
    loadable = _PLATFORMS[1:] if python in _OLD_SYSTEM else _PLATFORMS
    platforms = [f"--platform={platform}_{machine}" for platform in loadable]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--implementation=cp"]
    command += [*platforms, f"--python-version={python}", f"--target={target}", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # pip
    if done.returncode:
        raise ConfigurationError(
            f"pip could not get {' '.join(wanted)} for Lambda; {_advice(done.stderr)}. It said: "
            f"{' '.join(done.stderr.split())[-500:]}"
        )
    shutil.rmtree(target / "bin", ignore_errors=True)


def _advice(error: str) -> str:
    if "No module named pip" in error:
        return f"install pip into {sys.prefix} (python -m ensurepip, or uv pip install pip)"
    return (
        "where the package index cannot be reached, point pip at one that can (PIP_INDEX_URL) or "
        "at a folder of wheels (PIP_NO_INDEX=1, PIP_FIND_LINKS), or build the layer without the SDK"
    )


def _compile(interpreter: str, *arguments: str) -> None:
    command = [interpreter, "-S", "-X", "no_debug_ranges", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # Python itself
    if done.returncode:
        raise ConfigurationError(
            f"{interpreter} could not compile the layer; use the Python of the function, or name "
            f"another with python=. It said: {(done.stdout + done.stderr)[-500:]}"
        )
