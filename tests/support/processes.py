"""Processes as the kernel sees them, and what it allows them."""

from __future__ import annotations

import contextlib
import gc
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["no_descriptors", "open_files", "state_of", "wait_until", "wait_until_gone"]


def state_of(pid: int) -> str | None:
    """Return a process's state, such as ``T`` where it stands still; ``None`` without a process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()[0]


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that is not our child, and so not ours to reap."""
    wait_until(lambda: state_of(pid) in {None, "Z"})


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what nobody announces, ten seconds at most."""
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up, "it has not happened for ten seconds"
        time.sleep(0.005)


def open_files() -> int:
    """Return how many files this process has open, those of garbage left out."""
    gc.collect()
    return sum(1 for _ in Path("/dev/fd").iterdir())


@contextlib.contextmanager
def no_descriptors() -> Generator[None]:
    """Let this process open nothing more until the block ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
