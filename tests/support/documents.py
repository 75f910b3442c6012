"""Runs the Python in a document, as its reader would: files as files, the rest in order.

A fence whose first line is a comment with a file's name, such as ``# handler.py``, is that file.
All files of a document lie in one folder; ``test_*.py`` among them are for pytest. Any other
fence is run as it stands, and sees what those before it have left. A fence with
``<!-- not run: why -->`` on the line above is left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_FENCE = re.compile(
    r"(?P<left_out>^<!-- not run: \S.* -->\n)?^```python\n(?P<source>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"# (?P<name>[\w/]+\.py)\b")


class Fence(NamedTuple):
    source: str
    line: int

    @property
    def file_name(self):
        match = _FILE.match(self.source)
        return match and match["name"]


class Document:
    """A Markdown file's Python, in order."""

    def __init__(self, path):
        self._path = path
        text = path.read_text()
        self.fences = [
            Fence(match["source"], text.count("\n", 0, match.start("source")))
            for match in _FENCE.finditer(text)
            if not match["left_out"]
        ]
        self.left_out = len(re.findall(r"^```py", text, re.MULTILINE)) - len(self.fences)

    def write_files(self, folder):
        """Write the fences that are files, and return their paths."""
        written = []
        for fence in self.fences:
            if fence.file_name:
                path = folder / fence.file_name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(fence.source)
                written.append(path)
        return written

    def run_snippets(self, namespace):
        """Run the fences that are no files, each after the other."""
        for fence in self.fences:
            if not fence.file_name:
                # What goes wrong is shown with the document's own line.
                source = "\n" * fence.line + fence.source
                exec(compile(source, self._path, "exec", dont_inherit=True), namespace)
