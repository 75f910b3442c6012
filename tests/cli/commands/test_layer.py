"""``layer``: the zip file is complete or not written, and its contents are listed."""

from __future__ import annotations

import errno
import json
import os
import sys
import zipfile
from importlib import metadata

import pytest

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_it_writes_the_layer_and_lists_its_contents(run, tmp_path):
    result = run("layer", "-o", tmp_path / "layer.zip", "--python", HERE)

    assert result.code == 0
    with zipfile.ZipFile(tmp_path / "layer.zip") as archive:
        assert archive.testzip() is None
        files = archive.infolist()
    size = (tmp_path / "layer.zip").stat().st_size
    unpacked = sum(file.file_size for file in files)
    heading, _, _, *packages = result.out.splitlines()
    assert heading == (
        f"{tmp_path / 'layer.zip'}: {size:,} bytes; {len(files)} files, {unpacked:,} bytes unpacked"
    )
    assert f"core_backend  {metadata.version('core_backend')}" in packages
    assert "source" not in result.err
    assert f"--compatible-runtimes python{HERE} --compatible-architectures arm64" in result.err


def test_for_a_program_there_is_json(run, tmp_path):
    result = run("layer", "-o", tmp_path / "layer.zip", "--python", HERE, "--json")

    assert result.code == 0
    shown = json.loads(result.out)
    with zipfile.ZipFile(tmp_path / "layer.zip") as archive:
        sizes = [file.file_size for file in archive.infolist()]
    assert shown.pop("packages")["core_backend"] == metadata.version("core_backend")
    assert shown == {
        "file": str(tmp_path / "layer.zip"),
        "bytes": (tmp_path / "layer.zip").stat().st_size,
        "files": len(sizes),
        "unpacked_bytes": sum(sizes),
        "bytecode": True,
    }


def test_an_old_file_is_replaced_and_no_other_is_left(run, tmp_path):
    (tmp_path / "layer.zip").write_text("old")

    assert run("layer", "-o", tmp_path / "layer.zip", "--python", HERE).code == 0
    assert zipfile.is_zipfile(tmp_path / "layer.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["layer.zip"]


def test_a_layer_for_a_python_that_is_not_installed_holds_source(run, tmp_path):
    result = run("layer", "-o", tmp_path / "layer.zip", "--python", "3.98", "--arch", "x86_64")

    assert result.code == 0
    assert "The layer holds source, because Python 3.98 is not on this machine" in result.err
    with zipfile.ZipFile(tmp_path / "layer.zip") as archive:
        assert "python/core_backend/handler.py" in archive.namelist()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--python", "3.9"), "a layer is for Python 3.11 or later"),
        (("--with-sdk", "--python", HERE), "pip could not get aiobotocore"),
    ],
)
def test_the_file_is_unchanged_if_the_layer_cannot_be_built(
    run, tmp_path, monkeypatch, arguments, said
):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "layer.zip").write_text("old")

    result = run("layer", "-o", tmp_path / "layer.zip", *arguments)

    assert result.code == 1
    assert said in result.err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_the_file_is_unchanged_if_it_cannot_be_written(run, tmp_path, monkeypatch):
    (tmp_path / "layer.zip").write_text("old")

    def full(*arguments, **settings):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)

    result = run("layer", "-o", tmp_path / "layer.zip", "--python", HERE)

    assert result.code == 1
    assert "layer.zip cannot be written: No space left on device" in result.err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_missing_folder_is_reported(run, tmp_path):
    result = run("layer", "-o", tmp_path / "dist" / "layer.zip")

    assert result.code == 1
    assert "dist/layer.zip cannot be written: No such file or directory" in result.err
