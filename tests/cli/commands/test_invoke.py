"""``demo``: the example of the README, from any folder."""

from __future__ import annotations

import sys


def test_without_a_folder_the_demo_has_its_own(run, monkeypatch):
    given = []
    monkeypatch.setattr("core_backend.testing.demo.main", lambda argv: given.append(argv) or 0)

    assert run("demo").code == 0
    assert given == [[]]


def test_a_folder_without_names_is_exit_code_2(run, tmp_path):
    result = run("demo", tmp_path)

    assert result.code == 2
    assert "has no secret_names.py" in result.err


def test_a_missing_extra_is_named(run, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("core_backend.testing.demo")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "moto.moto_server.werkzeug_app", None)
    monkeypatch.delitem(sys.modules, "core_backend.testing.moto_server")

    result = run("demo")

    assert result.code == 1
    assert result.err.splitlines()[1] == (
        "Install it: python -m pip install 'core_backend[cli,testing,local]'"
    )
