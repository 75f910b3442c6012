"""Let tox use every interpreter on the machine: pyenv's that are not activated, and newer ones."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path


def _pyenv_bins(root: Path) -> list[str]:
    """Return the folders of pyenv's released CPythons, the newest first: tox takes the first."""
    releases = [
        (tuple(int(part) for part in version.name.split(".")), str(version / "bin"))
        for version in root.glob("versions/3.*")
        if re.fullmatch(r"3\.\d+\.\d+", version.name)
    ]
    return [path for _, path in sorted(releases, reverse=True)]


# Behind what is on PATH already: what the user has activated is found first.
os.environ["PATH"] = os.pathsep.join(
    [
        os.environ.get("PATH", os.defpath),
        *_pyenv_bins(Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")),
    ]
)

# For tox.ini's env_list: a Python newer than those listed there is tested when tox runs on it.
os.environ["RUNNING_PYTHON"] = "py{}{}".format(*max(sys.version_info[:2], (3, 11)))
