"""Wrong arguments of LocalLambda are refused where they are given."""

from __future__ import annotations

import importlib.util

import pytest
from support.handlers import ECHO

from core_backend.errors import ConfigurationError
from core_backend.testing.local_lambda import LocalLambda


def test_outside_its_block_it_says_how_to_use_it(task_root):
    with pytest.raises(ConfigurationError, match="inside its with"):
        LocalLambda(task_root=task_root(ECHO)).invoke()


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere, which is not a folder.*'app\.main'"):
        LocalLambda("app.main", task_root=tmp_path / "nowhere")


def test_without_the_runtime_client_the_extra_is_named(task_root, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'core_backend\[local\]'"):
        LocalLambda(task_root=task_root(ECHO))


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_concurrency_below_one_is_refused(task_root, concurrency):
    with pytest.raises(ConfigurationError, match=f"concurrency is {concurrency}, .* 1 or more"):
        LocalLambda(task_root=task_root(ECHO), concurrency=concurrency)


@pytest.mark.parametrize(
    ("env", "told"),
    [({"A": 1}, "'A', with a int where"), ({"A": None}, "'A', with a None"), ({2: "b"}, "has 2,")],
)
def test_a_variable_that_is_not_text_is_refused(task_root, env, told):
    with pytest.raises(TypeError, match=told):
        LocalLambda(task_root=task_root(ECHO), env=env)
