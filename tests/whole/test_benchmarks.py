"""That the benchmarks run, and what they write. What they measure here tells nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# By the module that has to be there: peers that are not installed are not measured.
CACHING = {
    "core_backend": "core_backend",
    "aws_lambda_powertools": "Powertools parameters",
    "aws_secretsmanager_caching": "aws-secretsmanager-caching",
}
ALL = CACHING | {"boto3": "boto3, one by one", "aiobotocore": "aiobotocore, gathered"}


def there(labels: dict[str, str]) -> set[str]:
    return {label for module, label in labels.items() if find_spec(module)}


def installed() -> bool:
    return any(found.name == "core_backend" for found in distributions())


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(BENCHMARKS), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def measured(name: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run one benchmark as short as can be, and return what it wrote."""
    done = run(name, "--quick", "--rounds", "1", "--results", str(folder), *arguments)
    assert done.returncode == 0, done.stderr
    assert name in done.stderr  # the progress
    written: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    for table in written["tables"].values():
        assert "\n".join(table) in done.stdout
    assert set(written["machine"]) >= {"processor", "cores", "python"}
    assert "boto3" in written["versions"]
    assert written["setting"]
    for goal in written["goals"]:
        assert {"what", "figure", "limit", "at_least", "reached"} == set(goal)
    return written


def labels(written: dict[str, Any]) -> set[str]:
    return {row["label"] for row in written["rows"]}


def test_cold_starts_are_measured_for_every_library(tmp_path: Path) -> None:
    written = measured("cold", tmp_path)
    assert labels(written) > there(ALL)
    assert all(row["median"] > 0 for row in written["rows"])
    assert written["goals"]


def test_what_a_fetch_imports_is_measured(tmp_path: Path) -> None:
    written = measured("imports", tmp_path)
    assert labels(written) > {"core_backend", "core_backend.sources.direct", "`h11`"}
    assert all(row["milliseconds"] >= 0 for row in written["rows"])
    assert set(written["tables"]) == {"imports", "avoided"}


def test_a_slow_import_is_measured_with_and_without_prefetch(tmp_path: Path) -> None:
    written = measured("prefetch", tmp_path)
    assert len(written["rows"]) == 6
    assert len(written["goals"]) == 2


def test_many_secrets_are_measured_for_every_library(tmp_path: Path) -> None:
    written = measured("fanout", tmp_path)
    assert labels(written) == there(ALL) | {"core_backend, 50 connections"}
    assert {row["secrets"] for row in written["rows"]} == {1, 50}
    assert len(written["goals"]) >= 2


def test_hits_are_measured_for_every_library_that_caches(tmp_path: Path) -> None:
    written = measured("warm", tmp_path)
    assert labels(written) == there(CACHING)
    assert len(written["rows"]) == 3 * len(there(CACHING))
    assert len(written["goals"]) == 2 * (len(there(CACHING)) - 1)


def test_expiries_are_measured_for_every_library_that_caches(tmp_path: Path) -> None:
    written = measured("expiry", tmp_path)
    assert labels(written) == there(CACHING)
    for row in written["rows"]:
        assert row["invocations"] == sum(row["histogram"].values())
        assert max(row["slowest of each slot"]) == row["slowest"]
    assert len(written["goals"]) == 1


def test_masking_logs_is_measured_by_how_many_secrets_are_known(tmp_path: Path) -> None:
    written = measured("redaction", tmp_path)
    assert [row["secrets"] for row in written["rows"]] == [0, 1, 10, 100] * 3
    assert all(row["microseconds"] > 0 for row in written["rows"])


def test_libraries_are_put_through_the_same_faults(tmp_path: Path) -> None:
    written = measured("peers_faults", tmp_path, "--libraries", "core_backend,boto3")
    assert [row["number"] for row in written["rows"]] == ["1", "13", "25", "30"]
    assert not any(row["core_backend"] for row in written["rows"])
    assert written["rows"][0]["boto3"] == "100 calls"
    [goal] = written["goals"]
    assert goal["reached"]


@pytest.mark.skipif(not installed(), reason="a layer is made of what is installed")
def test_the_layer_is_weighed(tmp_path: Path) -> None:
    written = measured("size", tmp_path)
    [row] = written["rows"]
    assert 0 < row["zipped"] < row["unzipped"]


def test_some_libraries_can_be_measured_alone(tmp_path: Path) -> None:
    written = measured("warm", tmp_path, "--libraries", "core_backend")
    assert labels(written) == {"core_backend"}
    assert written["goals"] == []


def test_help_has_an_example() -> None:
    assert "python benchmarks shape --quick" in run("--help").stdout


@pytest.mark.parametrize("arguments", [("nothing",), ("--libraries", "nothing")])
def test_an_unknown_name_is_refused(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "'nothing' is none of" in done.stderr
