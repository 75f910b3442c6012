"""Size: the size of a layer, zipped as Lambda takes it and unzipped as Lambda counts it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from console import Progress
from outcome import Columns, Goal, Outcome, Row, format_figures

from core_backend.deploy.layer import build_layer, zip_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from plan import Plan

__all__ = ["run"]

_ROOT = Path(__file__).resolve().parent.parent
_OURS = "core_backend, by core-backend layer"
# The arguments of pip, by the label.
_BY_PIP = {
    "core_backend, by pip": [str(_ROOT)],
    "core_backend[aws-sdk], by pip": [f"{_ROOT}[aws-sdk]"],
    "boto3": ["boto3"],
    "aiobotocore": ["aiobotocore"],
    "Powertools, boto3 included": ["aws-lambda-powertools[aws-sdk]"],
    "Powertools alone": ["aws-lambda-powertools"],
    "aws-secretsmanager-caching": ["aws-secretsmanager-caching"],
}
_COLUMNS: Columns = {
    "label": ("", str),
    "zipped": ("zipped, KB", lambda figure: f"{figure / 1e3:,.0f}"),
    "unzipped": ("unzipped, KB", lambda figure: f"{figure / 1e3:,.0f}"),
    "files": ("files", str),
}


def run(plan: Plan) -> Outcome:
    """Put each into a folder of its own, as for a layer, and measure the folder."""
    layers: dict[str, Callable[[Path], object]] = {_OURS: _build_own_layer}
    if not plan.quick:
        layers |= {label: _install_by_pip(wanted) for label, wanted in _BY_PIP.items()}
    progress = Progress("size", len(layers))
    rows: list[Row] = []
    for label, fill in layers.items():
        progress.step(label)
        with tempfile.TemporaryDirectory() as folder:
            layer = Path(folder) / "layer"
            fill(layer)
            rows.append({"label": label, **_measure(layer, Path(folder) / "layer.zip")})
    progress.end()
    goals = [Goal("our layer, zipped, KB", rows[0]["zipped"] / 1e3, 180)]
    tables = {"size": format_figures(_COLUMNS, rows)}
    return Outcome("size", "The layer", tables, rows, goals, {"bytecode by pip": False})


def _build_own_layer(folder: Path) -> None:
    build_layer(folder, python=f"{sys.version_info.major}.{sys.version_info.minor}")


def _install_by_pip(wanted: list[str]) -> Callable[[Path], None]:
    # Without bytecode, which doubles all of them.
    options = [
        "--no-compile",
        "--disable-pip-version-check",
        "--no-warn-conflicts",
        "--quiet",
        "--quiet",
    ]

    def install(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder)]
        subprocess.run([*command, *wanted], check=True)

    return install


def _measure(folder: Path, archive: Path) -> Row:
    """Return the size of a folder's files in bytes, zipped and unzipped, and their number."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    unzipped = sum(path.stat().st_size for path in files)
    return {"zipped": zip_layer(folder, archive), "unzipped": unzipped, "files": len(files)}
