"""What a process holds at one time, and whether that has grown."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from typing import NamedTuple

from core_backend import secrets_info
from core_backend._engine import process
from support.soak.service import KEYS

__all__ = ["HEAD", "MOST_MORE", "Figures", "faults"]

# By how much each may come and go: connections, up to the most there may be; of each secret its
# last refusal; and what the allocator and the interpreter keep.
MOST_MORE = {"files": 10, "threads": 0, "tasks": 0, "objects": 2 * len(KEYS) + 200, "memory": 3.0}


class Figures(NamedTuple):
    """What this process holds."""

    when: str
    fetches: int
    failures: int
    files: int
    threads: int
    tasks: int
    objects: int
    memory: float

    @classmethod
    def now(cls, when: str) -> Figures:
        for _ in range(3):
            gc.collect()
        info, store = secrets_info(), process.get_store()
        portal = store._portal
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            when,
            info.fetches,
            info.failures,
            len(os.listdir("/proc/self/fd")) - 1,  # the folder itself  # noqa: PTH208
            threading.active_count(),
            0 if portal is None else len(portal._tasks),
            len(gc.get_objects()),
            pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        )

    def line(self) -> str:
        return (
            f"{self.when:24} {self.fetches:9,} {self.failures:9,} {self.files:6} {self.threads:8} "
            f"{self.tasks:6} {self.objects:9,} {self.memory:8.1f}"
        )


HEAD = (
    f"{'':24} {'fetches':>9} {'failures':>9} {'files':>6} {'threads':>8} {'tasks':>6} "
    f"{'objects':>9} {'MiB':>8}"
)


def faults(rows: list[Figures]) -> list[str]:
    """Return what has grown: from a tenth of the way on, nothing may; and all must end."""
    first, tenth, *later, last = rows
    grown: list[str] = []
    for row in later:
        grown += [
            f"{row.when}: {getattr(row, name):,.1f} {name}, {getattr(tenth, name):,.1f} before"
            for name, most in MOST_MORE.items()
            if getattr(row, name) > getattr(tenth, name) + most
        ]
    grown += [
        f"{last.when}: {getattr(last, name)} {name}, {getattr(first, name)} at first"
        for name in ("files", "threads", "tasks")
        if getattr(last, name) > getattr(first, name)
    ]
    return grown
