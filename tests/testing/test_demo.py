"""The demo shows the main job, and does not say it went well when it did not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core_backend import SecretName
from core_backend.testing import demo

ROOT = Path(__file__).parents[2]
A, B = SecretName("a-one"), SecretName("b-two")


def test_the_main_job_runs_cold_warm_and_after_a_rotation():
    result = subprocess.run(
        [sys.executable, "-m", "core_backend.testing.demo", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0
    assert "5 invocations of 3 secrets took 6 calls" in result.stderr
    assert "only stripe-api-key changed" in result.stderr
    steps = json.loads(result.stdout)
    assert [(step["invocation"], len(step["fetched"])) for step in steps] == [
        ("1 cold", 3),
        ("2 warm", 0),
        ("3 warm", 0),
        ("4 warm, expired", 3),
        ("5 warm", 0),
    ]
    assert steps[0]["start_milliseconds"] > 0


def test_away_from_the_repository_the_example_is_the_wheels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert demo._example() == Path(demo.__file__).parent / "charges"


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
