"""The public face: what there is, in order, and what asking for it does not load."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

import core_backend

# What a cold start would pay for, or what only tests and stacks need.
HEAVY = (
    *("aiobotocore", "aiohttp", "boto3", "botocore", "urllib3", "requests", "httpx"),
    *("moto", "pytest", "_pytest", "hypothesis", "awslambdaric", "aws_cdk", "constructs"),
    *("core_backend.cdk", "core_backend.cli", "core_backend.testing"),
    *("core_backend.sources.direct", "core_backend.sources.extension", "core_backend.sources.sdk"),
    *("argparse", "difflib", "multiprocessing", "pdb", "unittest", "xml"),
)


def loaded_after(statement):
    """Return the modules that a new interpreter has loaded once it ran ``statement``."""
    outcome = subprocess.run(
        [sys.executable, "-c", f"import sys, json; {statement}; print(json.dumps([*sys.modules]))"],
        capture_output=True,
        check=True,
        text=True,
    )
    return set(json.loads(outcome.stdout))


def test_all_is_sorted_and_there():
    assert core_backend.__all__ == sorted(core_backend.__all__)
    for name in core_backend.__all__:
        assert getattr(core_backend, name) is not None


def test_all_is_all_there_is():
    public = {
        name
        for name, value in vars(core_backend).items()
        if not name.startswith("_") and type(value) is not type(core_backend)
    }
    assert public == set(core_backend.__all__)


@pytest.mark.parametrize(
    "name",
    [
        module.name
        for module in pkgutil.walk_packages(core_backend.__path__, "core_backend.")
        if not module.name.startswith(("core_backend.cdk", "core_backend.cli"))
        and not module.name.endswith("__main__")
    ],
)
def test_each_module_says_in_order_what_it_has_for_others(name):
    module = importlib.import_module(name)
    assert module.__doc__
    offered = getattr(module, "__all__", [])
    # Constants, then classes, then functions: the order that the linter keeps.
    assert list(offered) == sorted(offered, key=lambda n: (not n.isupper(), n.islower(), n))
    assert all(hasattr(module, attribute) for attribute in offered)


def test_importing_the_package_loads_nothing_heavy():
    before, after = loaded_after("pass"), loaded_after("import core_backend")
    assert "core_backend.secrets" in after
    assert not sorted((after - before).intersection(HEAVY))


def test_the_package_is_typed():
    assert pkgutil.get_data("core_backend", "py.typed") == b""
