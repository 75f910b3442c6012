"""docs/architecture.md and its picture show the code as it is."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "architecture.md").read_text()


@pytest.fixture(scope="module")
def command():
    return runpy.run_path(str(DOCS / "draw_architecture.py"))


def test_the_picture_shows_the_imports_of_today(command):
    drawn = command["draw"](command["read_imports"]())
    shown = command["PICTURE"].read_text()
    assert shown == drawn, "it is out of date; run python docs/draw_architecture.py"


def test_an_import_from_a_higher_floor_is_an_error(command):
    imports = command["read_imports"]()
    imports["errors"].append("secrets")
    with pytest.raises(SystemExit, match="errors imports secrets"):
        command["draw"](imports)


def test_the_page_says_what_is_in_each_box_of_the_picture(command):
    boxes = re.findall(r'class="room"[^>]*>([^<]+)<', command["PICTURE"].read_text())
    assert len(boxes) > 30
    assert [box for box in boxes if not re.search(rf"^\| .*`{box}`.* \|", PAGE, re.MULTILINE)] == []


def test_each_name_is_in_the_file_in_which_the_page_says_it_is():
    places = re.findall(r"`(\w+)` in\s+\[[^\]]+\]\(([^)]+\.py)\)", PAGE)
    assert len(places) > 10
    for name, path in places:
        assert re.search(rf"\b{name}\b", (DOCS / path).read_text()), f"{name} is not in {path}"
