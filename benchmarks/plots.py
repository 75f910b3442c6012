"""The plots of the documents, as small SVG files."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import NullLocator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Rows = Sequence[dict[str, Any]]

__all__ = ["draw"]

_OURS = "#0b6e4f"
_THEIRS = "#8a96a3"
_FLOOR = "#d5dae0"
_LIMIT = "#c0392b"
_DARK = "#333333"
# Text stays text, and the same figures give the same file.
mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "core_backend",
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "path.simplify_threshold": 1.0,
    }
)
# In inches. The first plot that people see can also be read on a phone.
_SIZES = {"shape": (5, 3.6)}
_PLUMBING = re.compile(r" *<metadata>.*?</metadata>\n|<!--.*?-->\n| *<!DOCTYPE.*?>\n", re.DOTALL)


def draw(figures: Mapping[str, Any], folder: Path) -> None:
    """Draw a plot for each benchmark that has figures.

    Args:
        figures: What the benchmarks wrote, by their names.
        folder: Where the plots go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, plot in _PLOTS.items():
        if not figures.get(name, {}).get("rows"):
            continue
        figure, axes = plt.subplots(figsize=_SIZES.get(name, (7.5, 3.4)), layout="constrained")
        plot(axes, figures[name]["rows"])
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
        (folder / f"{name}.svg").write_text(_PLUMBING.sub("", text.getvalue()), encoding="utf-8")


# The lines of the first plot, each library in its best form, and their colours.
_SHAPE = {
    "AWS SDK for Python v4": ("AWS SDK v4 (preview)", _THEIRS),
    "aiobotocore": ("aiobotocore", _THEIRS),
    "Powertools, client at import": ("Powertools", _THEIRS),
    "boto3": ("boto3", _THEIRS),
    "core_backend": ("core_backend", _OURS),
    "core_backend, prefetched": ("core_backend, prefetched", _OURS),
    "empty async handler": ("a handler without secrets", _FLOOR),
}


def _draw_shape(axes: Any, rows: Rows) -> None:
    sizes = list(dict.fromkeys(row["memory"] for row in rows))
    places = range(len(sizes))
    ends: dict[str, tuple[float, str]] = {}
    for label, (name, colour) in _SHAPE.items():
        totals = [row["total"] for row in rows if row["label"] == label]
        if totals:
            is_ours = colour == _OURS
            axes.plot(places, totals, color=colour, linewidth=2.5 if is_ours else 1.5, marker="o")
            ends[name] = (totals[0], colour if is_ours else _DARK)
    axes.set_ylim(0)
    axes.set_xlim(-3.5, len(sizes) - 0.8)
    _label_lines(axes, ends, x=-0.12)
    axes.set_xticks(places, [f"{size:,}" for size in sizes])
    axes.set_xlabel("MB of memory", loc="right")
    axes.set_title("A cold start that reads 3 secrets:\nmilliseconds until its response")


def _label_lines(axes: Any, ends: dict[str, tuple[float, str]], x: float) -> None:
    """Write each line's name before its first point, moved apart where two would overlap."""
    gap = axes.get_ylim()[1] / 16
    y = -gap
    for name, (end, colour) in sorted(ends.items(), key=lambda item: item[1][0]):
        y = max(end, y + gap)
        axes.text(x, y, name, color=colour, ha="right", va="center")


def _draw_cold(axes: Any, rows: Rows) -> None:
    floor = rows[0]["median"]
    shown = [row for row in rows if row["secrets"] == 3]  # noqa: PLR2004  # of 1, 3 and 10
    labels = [row["label"] for row in shown]
    axes.barh(labels, [floor] * len(shown), color=_FLOOR)
    _draw_bars(
        axes, labels, [row["added"] for row in shown], lambda value: f"+ {value:.0f}", left=floor
    )
    axes.set_title("At full speed: ms that 3 secrets add to an empty handler")


def _draw_prefetch(axes: Any, rows: Rows) -> None:
    labels = [f"{row['label']}\n({row['kind']})" for row in rows]
    _draw_bars(axes, labels, [row["invocation"] for row in rows], "{:.1f}".format)
    axes.set_title("The first invocation after an import of 200 ms, in ms")


def _draw_fanout(axes: Any, rows: Rows) -> None:
    most = max(row["secrets"] for row in rows if row["secrets"] <= 50)  # noqa: PLR2004  # as in text
    shown = [row for row in rows if row["secrets"] == most]
    labels = [row["label"] for row in shown]
    _draw_bars(axes, labels, [row["milliseconds"] for row in shown], "{:,.0f}".format)
    axes.set_title(f"{most} secrets that are not cached, in ms")


def _draw_warm(axes: Any, rows: Rows) -> None:
    shown = [row for row in rows if row["key"] == "one"]
    labels = [row["label"] for row in shown]
    _draw_bars(axes, labels, [row["nanoseconds"] / 1e3 for row in shown], "{:.1f}".format)
    axes.set_title("One secret that is cached, in µs")


def _draw_expiry(axes: Any, rows: Rows) -> None:
    colours = iter(["#d08a3c", "#6f7fa8"])
    for row in sorted(rows, key=lambda row: -row["waited"]):
        is_ours = row["label"] == "core_backend"
        # Ten seconds are enough to see it.
        slowest = row["slowest of each slot"][: round(10 / row["slot"])]
        axes.plot(
            [slot * row["slot"] for slot in range(len(slowest))],
            slowest,
            color=_OURS if is_ours else next(colours, _THEIRS),
            linewidth=2.5 if is_ours else 1.2,
            label=row["label"],
        )
    axes.set(xlabel="seconds; each value expires once a second", ylim=0, xlim=(0, 10))
    axes.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)
    axes.set_title("The wait for three secrets in a warm handler, in ms", pad=24)


def _draw_size(axes: Any, rows: Rows) -> None:
    labels = [row["label"] for row in rows]
    _draw_bars(axes, labels, [row["zipped"] / 1e6 for row in rows], "{:.1f}".format)
    axes.set_title("The layer, zipped, in MB")


def _draw_fleet(axes: Any, rows: Rows) -> None:
    labels = [row["label"] for row in rows]
    quota = rows[0]["peak"] / rows[0]["of quota"]
    peaks = [row["peak"] for row in rows]
    # A bar that goes beyond the plot has its figure inside.
    most = quota * 1.25
    axes.barh(labels, [min(peak, most) for peak in peaks], color=_OURS)
    for y, peak in enumerate(peaks):
        inside = peak > quota
        axes.text(
            most * 0.99 if inside else peak + quota / 100,
            y,
            f"{peak:,.0f}",
            color="white" if inside else _DARK,
            ha="right" if inside else "left",
            va="center",
        )
    axes.axvline(quota, color=_LIMIT, linestyle="--", linewidth=1)
    axes.set_xlim(0, most)
    axes.set_xticks([quota], [f"the quota, {quota:,.0f}"], color=_LIMIT)
    axes.invert_yaxis()
    axes.set_title("10,000 environments: calls per second at the peak")


def _draw_bars(
    axes: Any,
    labels: Sequence[str],
    values: Sequence[float],
    write: Callable[[float], str],
    left: float = 0.0,
) -> None:
    """Draw a bar for each label, with its figure at its end, the first label on top."""
    ours = ("core_backend", "prefetch")
    colours = [_OURS if label.startswith(ours) else _THEIRS for label in labels]
    bars = axes.barh(labels, values, left=left, color=colours)
    axes.bar_label(bars, [write(value) for value in values], padding=3)
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(NullLocator())
    axes.spines.bottom.set_visible(False)
    axes.invert_yaxis()


_PLOTS = {
    "shape": _draw_shape,
    "cold": _draw_cold,
    "prefetch": _draw_prefetch,
    "fanout": _draw_fanout,
    "warm": _draw_warm,
    "expiry": _draw_expiry,
    "fleet": _draw_fleet,
    "size": _draw_size,
}
