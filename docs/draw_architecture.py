"""Draw plots/architecture.svg from the imports in core_backend: python docs/draw_architecture.py.

Each floor is a band, and each module or folder on it is a box. Imports point only downward: to a
box on a lower floor, or to a box that comes later on the same floor. Anything else is an error.
"""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "core_backend"
PICTURE = DOCS / "plots" / "architecture.svg"


class Floor(NamedTuple):
    """Some entries of the package's root. A folder that is a floor alone shows what is in it."""

    title: str
    purpose: str
    colour: str
    entries: str


FLOORS = [
    Floor("Wings", "test, deploy, fill and check", "#8c959f", "cdk cli deploy testing"),
    Floor(
        "Face",
        "what a handler imports",
        "#2f81f7",
        "__init__ _loop env handler pending secrets settings",
    ),
    Floor("Engine", "cache and share fetches", "#e5702a", "_engine"),
    Floor("Sources", "ask AWS for a value", "#2da44e", "sources"),
    Floor(
        "Ground floor",
        "names, values, errors",
        "#a371f7",
        "_clock _configuration _rules _typing errors names values",
    ),
]

WIDTH, ROOMS_AT, GAP, BOX, ARROW, LETTER = 860, 226, 8, 32, 22, 8.45
STYLE = """
  text { font: 14px ui-sans-serif, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-size: 20px; font-weight: 600 }
  .room { font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
  .page, .box { fill: #ffffff }
  .arrow { fill: #6e7781 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .page, .box { fill: #0d1117 }
    .arrow { fill: #8b949e }
  }
"""

Imports = dict[str, list[str]]


def read_imports() -> Imports:
    """Return each module of the package, with the modules of the package that it imports."""
    paths = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    imports: Imports = {name: [] for name in paths}
    for name, path in paths.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            source = getattr(node, "module", None) or ""
            if isinstance(node, ast.ImportFrom) and source.startswith(PACKAGE.name):
                base = source.removeprefix(PACKAGE.name).removeprefix(".")
                for alias in node.names:
                    inner = f"{base}.{alias.name}".removeprefix(".")
                    imports[name].append(inner if inner in paths else base or "__init__")
    return imports


def draw(imports: Imports) -> str:
    """Return the picture as SVG."""
    shapes: list[str] = []
    bottom = 0
    for number, floor in enumerate(FLOORS):
        rows = _rows(_ordered_rooms(number, imports))
        height = max(len(rows) * (BOX + GAP) + GAP, 64)
        shapes += _band(floor, rows, bottom, height)
        bottom += height
        if floor is not FLOORS[-1]:
            shapes.append(f'<path class="arrow" d="M427 {bottom + 2} h6v9h6l-9 10l-9-10h6z"/>')
            bottom += ARROW
    size = f'width="{WIDTH}" height="{bottom}" viewBox="0 0 {WIDTH} {bottom}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    title = "<title>The floors of core_backend. Imports point only downward.</title>"
    page = '<rect class="page" width="100%" height="100%" rx="8"/>'
    return "\n".join([head, title, f"<style>{STYLE}</style>", page, *shapes, "</svg>\n"])


def _ordered_rooms(number: int, imports: Imports) -> list[str]:
    """Return the rooms of a floor, each before those that it imports."""
    graph: dict[str, set[str]] = {}
    for module, imported in imports.items():
        floor, room = _place(module)
        if floor == number:
            lower = graph.setdefault(room, set())
            for other_floor, other in map(_place, imported):
                if other_floor < floor:
                    raise SystemExit(f"{module} imports {other}, which is on a higher floor")
                if other_floor == floor and other not in {room, FLOORS[floor].entries}:
                    lower.add(other)
    graph.pop(FLOORS[number].entries, None)  # the __init__ of a floor that is a folder
    sorter = TopologicalSorter({room: sorted(graph[room]) for room in sorted(graph)})
    return [*sorter.static_order()][::-1]


def _place(module: str) -> tuple[int, str]:
    """Return the number of the floor that a module is on, and the room that it is in."""
    entry, _, rest = module.partition(".")
    for number, floor in enumerate(FLOORS):
        if entry == floor.entries and rest:
            return number, f"{entry}.{rest.partition('.')[0]}"
        if entry in floor.entries.split():
            return number, entry
    raise SystemExit(f"{entry} is on no floor; add it to FLOORS in docs/draw_architecture.py")


def _rows(rooms: list[str]) -> list[list[tuple[str, float]]]:
    """Return the rooms in rows that fit, each as a label and the width of its box."""
    rows: list[list[tuple[str, float]]] = []
    left = 0.0
    for room in rooms:
        label = room.split(".")[-1] + "/" * (PACKAGE / room.replace(".", "/")).is_dir()
        width = len(label) * LETTER + 20
        if left < width + GAP:
            rows.append([])
            left = WIDTH - ROOMS_AT
        rows[-1].append((label, width))
        left -= width + GAP
    return rows


def _band(floor: Floor, rows: list[list[tuple[str, float]]], top: int, height: int) -> list[str]:
    paint = f'fill="{floor.colour}" fill-opacity=".22" stroke="{floor.colour}"'
    middle = top + height / 2
    shapes = [
        f'<rect x="1" y="{top + 1}" width="{WIDTH - 2}" height="{height - 2}" rx="8" {paint}/>',
        f'<text class="title" x="18" y="{middle - 4:g}">{floor.title}</text>',
        f'<text x="18" y="{middle + 17:g}">{floor.purpose}</text>',
    ]
    y = middle - (len(rows) * (BOX + GAP) - GAP) / 2
    for row in rows:
        x = float(ROOMS_AT)
        for label, width in row:
            place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{BOX}" rx="5"'
            shapes.append(f'<rect class="box" {place} stroke="{floor.colour}"/>')
            shapes.append(f'<text class="room" x="{x + 10:g}" y="{y + 21:g}">{label}</text>')
            x += width + GAP
        y += BOX + GAP
    return shapes


if __name__ == "__main__":
    PICTURE.write_text(draw(read_imports()), encoding="utf-8")
