"""Write the table in settings.md from the code: ``python docs/write_settings.py``."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from pathlib import Path

from core_backend import _configuration
from core_backend._configuration import NAMES, SOURCES, Settings

PAGE = Path(__file__).parent / "settings.md"
_BEGIN, _END = "<!-- table -->\n", "<!-- end of table -->\n"


def update(page: str) -> str:
    """Return the page with its table made anew."""
    before, _, rest = page.partition(_BEGIN)
    return f"{before}{_BEGIN}\n{make_table()}\n{_END}{rest.partition(_END)[2]}"


def make_table() -> str:
    """Return a row for each setting: name, default, range, and its docstring."""
    rows = ["| setting | default | range | meaning |", "| --- | --- | --- | --- |"]
    meanings = _read_docstrings()
    for name in NAMES:
        default = _show(getattr(Settings, name))
        rows.append(f"| `{name}` | {default} | {_range_of(name)} | {meanings[name]} |")
    return "\n".join(rows) + "\n"


def _read_docstrings() -> dict[str, str]:
    """Return the text below each field, which Python does not keep."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(Settings))).body
    body = definition.body  # type: ignore[attr-defined]
    return {
        field.target.id: " ".join(text.value.value.replace("``", "`").split())
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
    }


def _show(default: object) -> str:
    if default in {"", ()}:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _range_of(name: str) -> str:
    if name in _configuration._LIMITS:  # noqa: SLF001
        low, high = _configuration._LIMITS[name]  # noqa: SLF001
        return f"{low:g} to {high:,}"
    if name == "source":
        return ", ".join(f"`{source}`" for source in SOURCES)
    kinds = {bool: "`true`, `false`", str: "a host", tuple: "a list"}
    return kinds[type(getattr(Settings, name))]


if __name__ == "__main__":
    PAGE.write_text(update(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
