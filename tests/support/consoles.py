"""The commands of a document, and what it shows that they print.

A fence of kind ``console`` has lines that begin with ``$``, each followed by its output. One with
``<!-- not run: why -->`` on the line above is left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Shown", "consoles", "normal"]

_FENCE = re.compile(
    r"(?P<left_out>^<!-- not run: \S[^\n]* -->\n)?^```console\n(?P<source>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_COMMAND = re.compile(r"^\$ (.*(?:(?<=\\)\n.*)*)\n", re.MULTILINE)
# What is another in each run.
_VARYING = [
    (r"cachetools +\d+\.\d+\.\d+", "cachetools VERSION"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "VERSION"),
    (r"\b(?=[a-f]*\d)[0-9a-f]{8}\b", "VERSION"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(Z|:\d\d\+00:00)", "TIME"),
    (r"[\d,]+ bytes|\d+ files", "SIZE"),
    (r"python3\.\d+", "PYTHON"),
    (r"http://127\.0\.0\.1:\d+", "URL"),
    (r"\S*/handler\.py runs", "FOLDER runs"),
    (r"after \d+ ms to start", "after MS to start"),
    (r"(fetched in \d+ calls): .*", r"\1"),  # at the same time, so in any order
    (r"\d+\.\d\b", "MS"),
    (r"[ \t]+", " "),
    (r" ?\r?\n ?", "\n"),
]


class Shown(NamedTuple):
    """One command of a document."""

    command: str
    output: str


def consoles(text):
    """Return the commands of a document, in order."""
    shown = []
    for fence in _FENCE.finditer(text):
        if not fence["left_out"]:
            _, *parts = _COMMAND.split(fence["source"])
            pairs = zip(parts[::2], parts[1::2], strict=True)
            shown += [Shown(command.replace("\\\n", " "), output) for command, output in pairs]
    return shown


def normal(output):
    """Return output without what is another in each run: times, versions, widths of columns."""
    for pattern, name in _VARYING:
        output = re.sub(pattern, name, output)
    return output.strip()
