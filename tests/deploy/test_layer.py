"""The layer holds what Lambda needs, starts from bytecode, and is the same bytes each time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest

import core_backend
from core_backend.deploy import LayerContents, build_layer, layer, zip_layer
from core_backend.errors import ConfigurationError

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
PROBE = """
import importlib, json, pkgutil, sys
import core_backend
from core_backend import *
names = [m.name for m in pkgutil.walk_packages(core_backend.__path__, "core_backend.")]
print(json.dumps({"file": core_backend.__file__, "modules": names}))
"""

pytestmark = pytest.mark.skipif(
    not any(metadata.distributions(name="core_backend")),
    reason="the layer is made of an installation, and there is none",
)


def run_in(folder, code):
    """Run code with nothing but the layer and the standard library, as on Lambda."""
    environment = {"PYTHONPATH": str(folder / "python"), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-S", "-B", "-P", "-c", code],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def contents(folder):
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_layer_runs_on_its_own_and_holds_no_more_than_lambda_needs(tmp_path):
    made = build_layer(tmp_path, python=HERE)

    version = metadata.version("core_backend")
    found = json.loads(run_in(tmp_path, PROBE))
    packages = {"cachetools": metadata.version("cachetools"), "core_backend": version}
    assert made == LayerContents(packages, bytecode=True)
    assert found["file"] == str(tmp_path / "python" / "core_backend" / "__init__.pyc")
    assert "core_backend.handler" in found["modules"]
    assert not {"cdk", "cli", "deploy", "testing"} & {
        name.split(".")[1] for name in found["modules"]
    }
    notes = f"python/core_backend-{version}.dist-info"
    assert {f"{notes}/METADATA", f"{notes}/LICENSE"} <= contents(tmp_path).keys()
    assert not [name for name in contents(tmp_path) if name.endswith((".py", "RECORD", ".pyi"))]


def test_what_works_with_the_sdk_comes_with_it_and_where_it_does_not_that_is_said(tmp_path):
    build_layer(tmp_path, python=HERE)

    said = run_in(
        tmp_path,
        "import sys, types, importlib.machinery as m, core_backend\n"
        "sdk = sys.modules['aiobotocore'] = types.ModuleType('aiobotocore')\n"
        "sdk.__spec__ = m.ModuleSpec('aiobotocore', None)\n"
        "core_backend.configure(source='sdk')\n"
        "try: core_backend.get_secret('a')\n"
        "except core_backend.ConfigurationError as error: print(error)",
    )

    assert "core-backend layer --with-sdk" in said


def test_it_has_what_the_base_install_needs(tmp_path):
    contents = build_layer(tmp_path, python=HERE)

    base = [line for line in metadata.requires("core_backend") if "extra ==" not in line]
    assert {re.split("[<>=]", line)[0] for line in base} == {"cachetools"}
    assert contents.packages["cachetools"] == metadata.version("cachetools")
    assert (tmp_path / "python" / "cachetools" / "__init__.pyc").is_file()


def test_it_is_under_180_kb_zipped(tmp_path):
    build_layer(tmp_path / "layer", python=HERE)

    assert zip_layer(tmp_path / "layer", tmp_path / "layer.zip") < 180_000


def test_the_same_bytes_come_out_each_time(tmp_path):
    code = "import sys; from core_backend.deploy import *; build_layer(*sys.argv[1:])"
    for seed in ("1", "2"):
        folder = tmp_path / f"built {seed}"
        subprocess.run(
            [sys.executable, "-c", code, str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
        for path in folder.rglob("*"):
            os.utime(path, (0, int(seed) * 10**9))
        zip_layer(folder, tmp_path / f"{seed}.zip")

    assert contents(tmp_path / "built 1") == contents(tmp_path / "built 2")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    assert str(tmp_path).encode() not in b"".join(contents(tmp_path / "built 1").values())


def test_tracebacks_name_the_file_as_it_is_on_lambda(tmp_path):
    build_layer(tmp_path, python=HERE)

    where = run_in(tmp_path, "import core_backend.env as e; print(e.get_env.__code__.co_filename)")

    assert where.strip() == "/opt/python/core_backend/env.py"


def test_the_zip_is_what_lambda_unpacks(tmp_path):
    build_layer(tmp_path / "layer", python=HERE)

    size = zip_layer(tmp_path / "layer", tmp_path / "layer.zip")

    assert size == (tmp_path / "layer.zip").stat().st_size
    with zipfile.ZipFile(tmp_path / "layer.zip") as archive:
        assert archive.namelist() == sorted(archive.namelist(), key=PurePosixPath)
        assert {name: archive.read(name) for name in archive.namelist()} == contents(
            tmp_path / "layer"
        )
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}


def test_another_pythons_bytecode_is_made_where_that_python_is(tmp_path, monkeypatch):
    other = "3.12" if HERE != "3.12" else "3.13"
    monkeypatch.setattr(shutil, "which", {f"python{other}": sys.executable}.get)

    assert build_layer(tmp_path, python=other).bytecode


def test_where_that_python_is_not_the_layer_is_source(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    made = build_layer(tmp_path, python="3.99")

    assert not made.bytecode
    assert "python/core_backend/handler.py" in contents(tmp_path)
    assert not [name for name in contents(tmp_path) if name.endswith(".pyc")]


def test_what_stands_in_for_a_python_that_is_not_here_is_none(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: "/bin/false")

    assert layer.interpreter_for("3.99") is None


def test_bytecode_that_the_installation_has_is_not_taken_along(tmp_path, monkeypatch):
    package = tmp_path / "core_backend"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__pycache__" / "__init__.cpython-399.pyc").write_bytes(b"made some other day")
    monkeypatch.setattr(core_backend, "__file__", str(package / "__init__.py"))

    build_layer(tmp_path / "layer", python=HERE)

    ours = [name for name in contents(tmp_path / "layer") if "/core_backend/" in name]
    assert ours == ["python/core_backend/__init__.pyc"]


def test_an_interpreter_that_cannot_compile_it_is_named(tmp_path, monkeypatch):
    broken = tmp_path / "python3.99"
    broken.write_text('#!/bin/sh\n[ "$1" = -c ]\n')
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(broken))

    with pytest.raises(ConfigurationError, match="python3.99 could not compile the layer; use the"):
        build_layer(tmp_path, python="3.99")


@pytest.mark.parametrize("options", [{"python": "3.10"}, {"python": "3"}, {"architecture": "arm"}])
def test_what_lambda_does_not_have_is_refused(tmp_path, options):
    with pytest.raises(ConfigurationError, match=r"for Python 3.11 or later, .* arm64 or x86_64"):
        build_layer(tmp_path, **options)


def test_without_an_installation_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(layer, "_PACKAGE", "core_backend_that_is_not_there")

    with pytest.raises(ConfigurationError, match="is not installed in .*; install it there"):
        build_layer(tmp_path)


class TestSdk:
    """pip is a program of its own here, which notes what it is asked for."""

    @pytest.fixture
    def pip(self, tmp_path, monkeypatch):
        def pip(body):
            script = tmp_path / "python"
            script.write_text(f"#!{sys.executable}\nimport sys, pathlib\n{body}\n")
            script.chmod(0o755)
            monkeypatch.setattr(sys, "executable", str(script))

        return pip

    INSTALL = """
target = pathlib.Path(next(a for a in sys.argv if a.startswith("--target=")).split("=")[1])
if "pip" in sys.argv:
    (target / "aiobotocore-3.0.dist-info").mkdir()
    (target / "aiobotocore-3.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\\nName: aiobotocore\\nVersion: 3.0\\n")
    (target / "bin").mkdir()
    (target / "asked.txt").write_text(" ".join(sys.argv[1:]))
"""

    @pytest.mark.parametrize(
        ("options", "asked"),
        [
            (
                {"python": "3.99"},
                "--platform=manylinux_2_28_aarch64 --platform=manylinux2014_aarch64",
            ),
            (
                {"python": "3.99", "architecture": "x86_64"},
                "--platform=manylinux_2_28_x86_64 --platform=manylinux2014_x86_64",
            ),
        ],
    )
    def test_it_is_got_for_lambda_and_not_for_this_machine(
        self, tmp_path, pip, monkeypatch, options, asked
    ):
        monkeypatch.setattr(shutil, "which", lambda _name: None)
        pip(self.INSTALL)

        made = build_layer(tmp_path / "layer", with_sdk=True, **options)

        command = (tmp_path / "layer" / "python" / "asked.txt").read_text()
        assert made.packages == {
            "aiobotocore": "3.0",
            "cachetools": metadata.version("cachetools"),
            "core_backend": metadata.version("core_backend"),
        }
        assert (
            f"--only-binary=:all: --implementation=cp {asked} --python-version=3.99 --target="
            in command
        )
        assert command.split()[-1].startswith("aiobotocore>=")
        assert not (tmp_path / "layer" / "python" / "bin").exists()

    def test_an_older_system_gets_what_it_can_load(self, tmp_path, pip, monkeypatch):
        monkeypatch.setattr(layer, "interpreter_for", lambda _python: None)
        pip(self.INSTALL)

        build_layer(tmp_path / "layer", with_sdk=True, python="3.11")

        command = (tmp_path / "layer" / "python" / "asked.txt").read_text()
        assert "--platform=manylinux2014_aarch64" in command
        assert "manylinux_2_28" not in command

    def test_it_is_compiled_as_well(self, tmp_path, pip, monkeypatch):
        python = sys.executable
        monkeypatch.setattr(layer, "interpreter_for", lambda _python: python)
        pip(f"{self.INSTALL}\n(target / 'aiobotocore.py').write_text('x = 1')")

        build_layer(tmp_path / "layer", with_sdk=True, python=HERE)

        assert [name for name in contents(tmp_path / "layer") if "__pycache__/aiobotocore" in name]

    @pytest.mark.parametrize(
        ("said", "advice"),
        [
            ("No module named pip", r"could not get aiobotocore.*install pip into .*ensurepip"),
            (
                "Could not find a version",
                r"could not get aiobotocore.*PIP_INDEX_URL.*It said: Could",
            ),
        ],
    )
    def test_where_pip_fails_it_says_what_to_do(self, tmp_path, pip, monkeypatch, said, advice):
        monkeypatch.setattr(layer, "interpreter_for", lambda _python: None)
        pip(f"sys.exit({said!r})")

        with pytest.raises(ConfigurationError, match=advice):
            build_layer(tmp_path / "layer", with_sdk=True)
