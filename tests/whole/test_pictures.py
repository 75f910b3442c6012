"""The pictures of the documents show the code as it is."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
RECORDINGS = ("commands", "demo")
COMMAND = runpy.run_path(str(DOCS / "pictures"))


def words(picture):
    """Return the text of a picture. What is around it in a recording is rich's, and may change."""
    lines = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
    return html.unescape(" ".join(lines)).split()


@pytest.mark.parametrize("name", COMMAND["PICTURES"])
def test_a_picture_is_current(name):
    drawn = COMMAND["PICTURES"][name]()
    shown = (COMMAND["FOLDER"] / f"{name}.svg").read_text()
    if name in RECORDINGS:
        drawn, shown = words(drawn), words(shown)
        assert len(drawn) > 50
    assert shown == drawn, f"it is out of date; run python docs/pictures {name}"


def test_an_import_from_a_higher_floor_is_an_error():
    floors = COMMAND["floors"]
    imports = floors.read_imports()
    imports["errors"].append("secrets")
    with pytest.raises(SystemExit, match="errors imports secrets"):
        floors.draw(imports)


def test_no_picture_loads_anything_from_elsewhere():
    for path in COMMAND["FOLDER"].glob("*.svg"):
        links = re.findall(r"(?:href=\"|url\()([^#][^\")]*)", path.read_text())
        assert links == [], path.name
