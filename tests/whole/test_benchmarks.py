"""The benchmarks run, and write what the documents show. Figures measured here mean nothing."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from core_backend._configuration import Settings

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
RESULTS = BENCHMARKS / "results"
# By their modules. Libraries that are not installed are not measured.
CACHING = {
    "core_backend": "core_backend",
    "aws_lambda_powertools": "Powertools parameters",
    "aws_secretsmanager_caching": "aws-secretsmanager-caching",
}
ALL = CACHING | {"boto3": "boto3, one by one", "aiobotocore": "aiobotocore, gathered"}


def find_installed(labels: dict[str, str]) -> set[str]:
    return {label for module, label in labels.items() if find_spec(module)}


def is_installed() -> bool:
    return any(found.name == "core_backend" for found in distributions())


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Not under coverage, which would look for the copies of the package that are measured.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, str(BENCHMARKS), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def measure(name: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run one benchmark as quickly as possible, and return what it wrote."""
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


def labels_of(written: dict[str, Any]) -> set[str]:
    return {row["label"] for row in written["rows"]}


def test_cold_starts_in_lambdas_shape_are_measured_and_priced(tmp_path: Path) -> None:
    arguments = ("shape", "--quick", "--rounds", "1", "--libraries", "core_backend,boto3")
    done = run(*arguments, "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    if "shape is skipped, because no cgroup can be made" in done.stderr:
        assert not list(tmp_path.iterdir())
        pytest.skip("this machine, or this user, cannot make a cpu cgroup")
    written = json.loads((tmp_path / "shape.json").read_text())
    assert set(written["tables"]) == {"shape", "shape_processor", "money", "shares"}
    rows = {row["label"]: row for row in written["rows"]}
    assert rows["boto3"]["total"] == pytest.approx(
        rows["boto3"]["init"] + rows["boto3"]["invocation"], rel=1e-3
    )
    # A throttled invocation takes far longer than its processor time, on any machine.
    assert rows["boto3"]["invocation"] > 4 * rows["boto3"]["invocation_processor"]
    assert written["setting"]["shares"]["128"] < 0.12
    assert len(written["goals"]) == 4


@pytest.fixture
def processor_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The module, on a machine that has no cgroups yet: its mounts are in ``tmp_path``."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("processor_share")
    monkeypatch.setattr(module, "_MOUNTS", tmp_path / "mounts")
    return module


def test_a_machine_without_cgroups_says_so(processor_share: Any, tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text("tmpfs /tmp tmpfs rw 0 0\n")
    with pytest.raises(processor_share.NotAllowedError, match="has no cpu cgroups"):
        processor_share.ProcessorShare(128)


def test_a_user_who_may_not_make_a_cgroup_is_told_why(processor_share: Any, tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text("cgroup /nowhere/cpu cgroup rw,relatime,cpu 0 0\n")
    with pytest.raises(processor_share.NotAllowedError, match="/nowhere/cpu.*root's rights"):
        processor_share.ProcessorShare(128)


@pytest.mark.parametrize(
    ("mount", "closed", "opened"),
    [
        (
            "cgroup2 {} cgroup2 rw 0 0",
            {"cpu.max": "1447 20000"},
            {"cpu.max": "max 20000"},
        ),
        (
            "cgroup {} cgroup rw,cpu,cpuacct 0 0",
            {"cpu.cfs_period_us": "20000", "cpu.cfs_quota_us": "1447"},
            {"cpu.cfs_period_us": "20000", "cpu.cfs_quota_us": "-1"},
        ),
    ],
)
def test_both_versions_of_cgroups_are_opened_and_closed(
    processor_share: Any, tmp_path: Path, mount: str, closed: dict[str, str], opened: dict[str, str]
) -> None:
    system = tmp_path / "system"
    system.mkdir()
    (system / "cgroup.controllers").write_text("cpuset cpu io\n")
    (tmp_path / "mounts").write_text(f"{mount.format(system)}\n")
    share = processor_share.ProcessorShare(128)
    [group] = (path for path in system.iterdir() if path.is_dir())
    share.add(42)
    share.close()
    assert {path.name: path.read_text() for path in group.iterdir()} == closed | {
        "cgroup.procs": "42"
    }
    share.open()
    assert {name: (group / name).read_text() for name in opened} == opened


def test_a_fleet_is_simulated(tmp_path: Path) -> None:
    written = measure("fleet", tmp_path)
    rows = {row["label"]: row for row in written["rows"]}
    assert rows["steady, default settings"]["waited"] == 0
    assert rows["steady, no refresh ahead"]["waited"] > 0
    assert rows["steady, no jitter"]["peak"] > 2 * rows["steady, default settings"]["peak"]
    assert rows["an outage of 5 minutes"]["failed"] == 0


def test_a_simulation_gives_the_same_figures_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    fleet = importlib.import_module("fleet")
    rows = []
    for _ in range(2):
        simulation = fleet._Run(20, Settings(), 250)
        simulation.simulate(lambda: None)
        rows.append(simulation.summarize("all of it", range(250)))
    assert rows[0] == rows[1]
    assert rows[0]["peak"] > 0


@pytest.mark.parametrize("name", sorted(path.stem for path in RESULTS.iterdir()))
def test_the_documents_show_the_figures_that_were_written(name: str) -> None:
    documents = [
        (ROOT / "docs" / page).read_text() for page in ("performance.md", "reliability.md")
    ]
    for mark, lines in json.loads((RESULTS / f"{name}.json").read_text())["tables"].items():
        place = "\n".join([f"<!-- {mark} -->", *lines, f"<!-- /{mark} -->"])
        assert sum(document.count(place) for document in documents) == 1, mark


def test_cold_starts_are_measured_for_every_library(tmp_path: Path) -> None:
    written = measure("cold", tmp_path)
    assert labels_of(written) > find_installed(ALL)
    assert all(row["median"] > 0 for row in written["rows"])
    assert written["goals"]


def test_what_a_fetch_imports_is_measured(tmp_path: Path) -> None:
    written = measure("imports", tmp_path)
    assert labels_of(written) > {"core_backend", "core_backend.sources.direct", "`h11`"}
    assert all(row["milliseconds"] >= 0 for row in written["rows"])
    assert set(written["tables"]) == {"imports", "avoided"}


def test_a_slow_import_is_measured_with_and_without_prefetch(tmp_path: Path) -> None:
    written = measure("prefetch", tmp_path)
    assert len(written["rows"]) == 6
    assert len(written["goals"]) == 2


def test_many_secrets_are_measured_for_every_library(tmp_path: Path) -> None:
    written = measure("fanout", tmp_path)
    assert labels_of(written) == find_installed(ALL) | {"core_backend, 50 connections"}
    assert {row["secrets"] for row in written["rows"]} == {1, 50}
    assert len(written["goals"]) >= 2


def test_hits_are_measured_for_every_library_that_caches(tmp_path: Path) -> None:
    written = measure("warm", tmp_path)
    assert labels_of(written) == find_installed(CACHING)
    assert len(written["rows"]) == 3 * len(find_installed(CACHING))
    assert len(written["goals"]) == 2 * (len(find_installed(CACHING)) - 1)


def test_expiries_are_measured_for_every_library_that_caches(tmp_path: Path) -> None:
    written = measure("expiry", tmp_path)
    assert labels_of(written) == find_installed(CACHING)
    for row in written["rows"]:
        assert row["invocations"] == sum(row["histogram"].values())
        assert max(row["slowest of each slot"]) == row["slowest"]
    assert len(written["goals"]) == 1


def test_masking_logs_is_measured_by_how_many_secrets_are_known(tmp_path: Path) -> None:
    written = measure("redaction", tmp_path)
    assert [row["secrets"] for row in written["rows"]] == [0, 1, 10, 100] * 3
    assert all(row["microseconds"] > 0 for row in written["rows"])


def test_libraries_are_put_through_the_same_faults(tmp_path: Path) -> None:
    written = measure("peers_faults", tmp_path, "--libraries", "core_backend,boto3")
    assert [row["number"] for row in written["rows"]] == ["1", "13", "25", "30", "31"]
    assert not any(row["core_backend"] for row in written["rows"])
    assert written["rows"][0]["boto3"] == "100 calls"
    [goal] = written["goals"]
    assert goal["reached"]


@pytest.mark.skipif(not is_installed(), reason="a layer is made of what is installed")
def test_the_layer_is_weighed(tmp_path: Path) -> None:
    written = measure("size", tmp_path)
    [row] = written["rows"]
    assert 0 < row["zipped"] < row["unzipped"]


def test_some_libraries_can_be_measured_alone(tmp_path: Path) -> None:
    written = measure("warm", tmp_path, "--libraries", "core_backend")
    assert labels_of(written) == {"core_backend"}
    assert written["goals"] == []


def test_help_has_an_example() -> None:
    assert "python benchmarks shape --quick" in run("--help").stdout


@pytest.mark.parametrize("arguments", [("nothing",), ("--libraries", "nothing")])
def test_an_unknown_name_is_refused(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "'nothing' is none of" in done.stderr
