"""The floors of the package, from the imports in core_backend.

Each floor is a band, and each module or folder on it is a box. Imports point only downward: to a
box on a lower floor, or to a box that comes later on the same floor. Anything else is an error.
"""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from svg import BLUE, GREEN, ORANGE, PURPLE, WIDTH, box, paint, picture, text

__all__ = ["draw", "read_imports"]

PACKAGE = Path(__file__).resolve().parents[2] / "core_backend"


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
        BLUE,
        "__init__ _loop env handler pending secrets settings",
    ),
    Floor("Engine", "cache and share fetches", ORANGE, "_engine"),
    Floor("Sources", "ask AWS for a value", GREEN, "sources"),
    Floor(
        "Ground floor",
        "names, values, errors",
        PURPLE,
        "_clock _configuration _rules _typing errors names values",
    ),
]

HEAD, GAP, BOX, ARROW, LETTER = 38, 8, 32, 20, 8.45
ROOMS_AT = 18

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
        height = HEAD + len(rows) * (BOX + GAP)
        shapes += _band(floor, rows, bottom, height)
        bottom += height
        if floor is not FLOORS[-1]:
            middle = WIDTH / 2 - 3
            shapes.append(
                f'<path class="arrow" d="M{middle:g} {bottom + 1}h6v8h6l-9 10l-9-10h6z"/>'
            )
            bottom += ARROW
    title = "The floors of core_backend. Imports point only downward."
    return picture(title, bottom, shapes)


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
    raise SystemExit(f"{entry} is on no floor; add it to FLOORS in docs/pictures/floors.py")


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
    shapes = [box(1, top + 1, WIDTH - 2, height - 2, paint(floor.colour))]
    shapes += text(ROOMS_AT, top + 26, floor.title, attributes='class="title"')
    shapes += text(150, top + 26, floor.purpose)
    y = top + HEAD
    for row in rows:
        x = float(ROOMS_AT)
        for label, width in row:
            shapes.append(box(x, y, width, BOX, f'class="box" stroke="{floor.colour}"'))
            shapes += text(x + 10, y + 21, label, attributes='class="room"')
            x += width + GAP
        y += BOX + GAP
    return shapes
