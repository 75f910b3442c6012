"""CDK needs a package and a Node.js of its own; where either is missing, these tests skip."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _missing() -> str | None:
    if find_spec("aws_cdk") is None:
        return "the extra cdk is not installed; its tests run in tox's environment cdk"
    if shutil.which("node") is None:
        return "Node.js is not on PATH, and CDK runs on it"
    return None


class _Unavailable(pytest.File):
    """A module of tests that could not even be imported here."""

    def collect(self) -> Iterator[pytest.Item]:
        yield _Skipped.from_parent(self, name="cdk")


class _Skipped(pytest.Item):
    def runtest(self) -> None:
        pytest.skip(str(_missing()))


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    if _missing() is None:
        return None
    return _Unavailable.from_parent(parent, path=module_path)
