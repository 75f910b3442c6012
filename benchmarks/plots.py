"""The plots of docs/performance.md, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["draw"]

_OURS = "#0b6e4f"
_THEIRS = "#9aa5b1"
_FLOOR = "#d9dee3"
# Text stays text, and the same figures give the same file.
mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "core_backend",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)


def draw(figures: Mapping[str, Any], folder: Path) -> None:
    """Draw a plot for each benchmark of which there are figures."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in figures.items():
        if name not in _PLOTS:
            continue
        figure, axes = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
        _PLOTS[name](axes, found["rows"])
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)


def _cold(axes: Any, rows: list[dict[str, Any]]) -> None:
    floor = rows[0]["median"]
    shown = [row for row in rows if row["secrets"] == 3]  # noqa: PLR2004  # what must be reached
    labels = [row["label"] for row in shown]
    axes.barh(labels, [floor] * len(shown), color=_FLOOR, label="empty async handler")
    axes.barh(labels, [row["added"] for row in shown], left=floor, color=_colours(labels))
    low = [row["median"] - row["quartiles"][0] for row in shown]
    high = [row["quartiles"][1] - row["median"] for row in shown]
    axes.errorbar(
        [row["median"] for row in shown], labels, xerr=[low, high], fmt="none", color="#333333"
    )
    axes.legend(frameon=False, loc="upper right")
    _finish(axes, "process start to first response, 3 secrets at 20 ms, in ms")


def _prefetch(axes: Any, rows: list[dict[str, Any]]) -> None:
    labels = [f"{row['label']}\n({row['kind']})" for row in rows]
    colours = [_OURS if row["label"] == "prefetch" else _THEIRS for row in rows]
    axes.barh(labels, [row["invocation"] for row in rows], color=colours)
    _finish(axes, "first invocation after an import of 200 ms, in ms")


def _fanout(axes: Any, rows: list[dict[str, Any]]) -> None:
    for label in dict.fromkeys(row["label"] for row in rows):
        points = [row for row in rows if row["label"] == label]
        axes.plot(
            [point["secrets"] for point in points],
            [point["latencies"] for point in points],
            marker="o",
            color=_OURS if label.startswith("core_backend") else None,
            linestyle="--" if "connections" in label else "-",
            label=label,
        )
    axes.set(xscale="log", yscale="log", xlabel="secrets", ylabel="service latencies")
    axes.legend(frameon=False, fontsize=8)


def _warm(axes: Any, rows: list[dict[str, Any]]) -> None:
    labels = [f"{row['label']}, {row['case']}" for row in rows]
    axes.barh(labels, [row["nanoseconds"] for row in rows], color=_colours(labels))
    axes.set_xscale("log")
    _finish(axes, "a secret that is cached, in ns (logarithmic)")


def _expiry(axes: Any, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        slowest_first = sorted(row["all"], reverse=True)
        axes.plot(
            range(1, len(slowest_first) + 1),
            slowest_first,
            color=_OURS if row["label"] == "core_backend" else None,
            label=row["label"],
        )
    axes.axhline(50, color=_THEIRS, linestyle=":", label="the service's latency")
    axes.set(
        xscale="log", yscale="log", xlabel="invocations, the slowest first", ylabel="milliseconds"
    )
    axes.legend(frameon=False, fontsize=8)


def _size(axes: Any, rows: list[dict[str, Any]]) -> None:
    labels = [row["label"] for row in rows]
    axes.barh(labels, [row["zipped"] / 1e6 for row in rows], color=_colours(labels))
    axes.set_xscale("log")
    _finish(axes, "the layer, zipped, in MB (logarithmic)")


def _colours(labels: Sequence[str]) -> list[str]:
    return [_OURS if label.startswith("core_backend") else _THEIRS for label in labels]


def _finish(axes: Any, label: str) -> None:
    axes.invert_yaxis()
    axes.set_xlabel(label)


_PLOTS = {
    "cold": _cold,
    "prefetch": _prefetch,
    "fanout": _fanout,
    "warm": _warm,
    "expiry": _expiry,
    "size": _size,
}
