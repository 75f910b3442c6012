"""The guide's log lines are those that its code writes."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

from support.documents import Document
from support.log_lines import handling

from core_backend.testing import fake_secrets

GUIDE = Path(__file__).parents[3] / "docs" / "logs.md"


def test_the_guide_shows_what_is_logged(tmp_path, monkeypatch):
    document = Document(GUIDE)
    [path] = document.write_files(tmp_path)
    names = SimpleNamespace(**runpy.run_path(path))
    monkeypatch.setitem(sys.modules, path.stem, names)
    with fake_secrets({names.API_KEY: "pl4nted-guide"}), handling() as written:
        document.run_snippets({"__name__": "document"})
    [shown] = re.findall(r"```text\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert written.lines == shown.splitlines()
