"""What all drawn pictures share: their frame, their colours in light and dark, and their text.

Each has its own background, so it can be read on a page that ignores the reader's colours. Each is
narrow, so it can be read on a phone.
"""

from __future__ import annotations

import textwrap
from html import escape

__all__ = [
    "BLUE",
    "GREEN",
    "LINE",
    "ORANGE",
    "PURPLE",
    "RED",
    "WIDTH",
    "box",
    "paint",
    "picture",
    "text",
]

WIDTH = 460
LINE = 19
"""The height of a line of text."""
BLUE, ORANGE, GREEN, PURPLE, RED = "#2f81f7", "#e5702a", "#2da44e", "#a371f7", "#cf222e"
_STYLE = """
  text { font: 14px ui-sans-serif, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 }
  .room { font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
  .label { paint-order: stroke; stroke: #ffffff; stroke-width: 5px }
  .page, .box { fill: #ffffff }
  .arrow { fill: #6e7781 }
  .line { fill: none; stroke: #6e7781; stroke-width: 1.5; marker-end: url(#tip) }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .label { stroke: #0d1117 }
    .page, .box { fill: #0d1117 }
    .arrow { fill: #8b949e }
    .line { stroke: #8b949e }
  }
"""
_TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path class="arrow" d="M0 0l8 4l-8 4z"/></marker>'
)


def picture(title: str, height: float, shapes: list[str]) -> str:
    """Return a picture as SVG.

    Args:
        title: One sentence, for those who do not see it.
        height: In pixels.
        shapes: What is in it, as SVG.
    """
    size = f'width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    page = '<rect class="page" width="100%" height="100%" rx="8"/>'
    about = f"<title>{escape(title)}</title>"
    return "\n".join([head, about, f"<style>{_STYLE}</style>", _TIP, page, *shapes, "</svg>\n"])


def paint(colour: str) -> str:
    """Return the attributes of a shape that is tinted so that its text can be read."""
    return f'fill="{colour}" fill-opacity=".2" stroke="{colour}"'


def box(x: float, y: float, width: float, height: float, attributes: str) -> str:
    """Return a box with round corners."""
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"'
    return f"<rect {place} {attributes}/>"


def text(x: float, y: float, words: str, *, wrap: int = 99, attributes: str = "") -> list[str]:
    """Return text in lines of up to ``wrap`` characters, the first with its baseline at ``y``."""
    place = f'x="{x:g}"{attributes and " " + attributes}'
    return [
        f'<text {place} y="{y + number * LINE:g}">{escape(line, quote=False)}</text>'
        for number, line in enumerate(textwrap.wrap(words, wrap))
    ]
