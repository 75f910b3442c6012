"""docs/architecture.md shows the code as it is."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "architecture.md").read_text()


def test_the_page_says_what_is_in_each_box_of_the_picture():
    picture = (DOCS / "plots" / "architecture.svg").read_text()
    boxes = re.findall(r'class="room"[^>]*>([^<]+)<', picture)
    assert len(boxes) > 30
    assert [box for box in boxes if not re.search(rf"^\| .*`{box}`.* \|", PAGE, re.MULTILINE)] == []


def test_each_name_is_in_the_file_in_which_the_page_says_it_is():
    places = re.findall(r"`(\w+)` in\s+\[[^\]]+\]\(([^)]+\.py)\)", PAGE)
    assert len(places) > 10
    for name, path in places:
        assert re.search(rf"\b{name}\b", (DOCS / path).read_text()), f"{name} is not in {path}"
