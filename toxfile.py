"""Let tox see every interpreter that pyenv has installed, not only the activated ones."""

from __future__ import annotations

import os
from pathlib import Path


def _pyenv_bins() -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return sorted(str(path) for path in root.glob("versions/3.*/bin") if path.is_dir())


# Behind what is on PATH already: what the user has activated is found first.
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *_pyenv_bins()])
