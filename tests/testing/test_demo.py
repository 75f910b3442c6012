"""The demo shows the main job, and does not say it went well when it did not."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.leaks import MARKER

from core_backend import SecretName
from core_backend.testing import demo

CHARGES = Path(__file__).parent.parent.parent / "examples" / "charges"
A, B = SecretName("a-one"), SecretName("b-two")


def test_the_main_job_runs_cold_warm_and_after_a_rotation(capfd, monkeypatch):
    monkeypatch.setattr(demo, "_made_up", iter([f"{MARKER}-{n}" for n in range(4)]).__next__)
    assert demo.main([str(CHARGES)]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.count("fetched in 3 calls: dev/") == 2
    assert out.count("fetched in no call") == 3
    assert "5 invocations of 3 secrets took 6 calls" in out
    assert "only stripe-api-key changed" in out


def step(used: str, calls: int) -> demo.Step:
    return demo.Step("1  cold", ["dev/a"] * calls, 1.0, 0.0, {A: f"a{used}", B: "b"})


def test_calls_that_were_not_expected_are_a_failure(capsys):
    steps = [step("old", 2), step("old", 0), step("old", 2), step("new", 2), step("new", 0)]
    assert demo._judge(steps, [A, B]) == 1
    assert "expected [2, 0, 0, 2, 0] calls and not [2, 0, 2, 2, 0]" in capsys.readouterr().err


def test_a_rotation_that_was_not_seen_is_a_failure(capsys):
    steps = [step("old", 2), step("old", 0), step("old", 0), step("old", 2), step("old", 0)]
    assert demo._judge(steps, [A, B]) == 1
    assert "expected a new a-one and not a new nothing" in capsys.readouterr().err


def test_a_folder_without_names_is_a_usage_error(tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_:
        demo.main([str(tmp_path)])
    assert exit_.value.code == 2
    assert "has no secret_names.py" in capsys.readouterr().err
