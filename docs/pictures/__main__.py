"""Draw the pictures in docs/plots that no benchmark draws: python docs/pictures [name ...]."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
# The terminal, which the tests have.
sys.path.append(str(DOCS.parent / "tests"))

import ages  # noqa: E402
import floors  # noqa: E402
import recordings  # noqa: E402
import steps  # noqa: E402

FOLDER = DOCS / "plots"
PICTURES = {
    "architecture": lambda: floors.draw(floors.read_imports()),
    "path": steps.draw,
    "states": ages.draw,
    "commands": recordings.record_commands,
    "demo": recordings.record_demo,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        (FOLDER / f"{name}.svg").write_text(PICTURES[name](), encoding="utf-8")
