"""A share of one processor, as Lambda gives a function by its memory: a cgroup of Linux.

Lambda gives a function of 1,769 MB one whole processor, and a smaller one its part of it (Lambda
developer guide, "Configure Lambda function memory"). It does so in periods of 20 ms: a function of
128 MB runs for 1.45 ms, then stands still until the period is over.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NotAllowedError", "ProcessorShare", "fraction"]

# The memory, in MB, with which a function gets one processor.
_FULL_MEMORY = 1769
# In microseconds.
_PERIOD = 20_000
_MOUNTS = Path("/proc/self/mounts")
_PATIENCE = 5.0
# A busy loop. It prints the seconds of processor time that it got, and the seconds that passed.
_BUSY = """
import time
input()
started = time.perf_counter(), time.process_time()
while time.perf_counter() < started[0] + {seconds}:
    pass
print(time.process_time() - started[1], time.perf_counter() - started[0])
"""


class NotAllowedError(Exception):
    """This machine has no cpu cgroups, or this user may not make one."""


def fraction(memory: int) -> float:
    """Return the part of a processor that Lambda gives a function with that memory, in MB."""
    return memory / _FULL_MEMORY


class ProcessorShare:
    """A cgroup whose processes run at full speed until it is closed; a context manager.

    Args:
        memory: The function's memory in MB.

    Raises:
        NotAllowedError: No cgroup can be made here.
    """

    def __init__(self, memory: int) -> None:
        self._quota = round(_PERIOD * fraction(memory))
        self._folder, self._is_second_version = _make_group()

    def add(self, process: int) -> None:
        """Move a process into the group, with all its threads."""
        self._write("cgroup.procs", str(process))

    def open(self) -> None:
        """Let the group have all processors."""
        self._limit("max", "-1")

    def close(self) -> None:
        """Hold the group to its share from now on."""
        self._limit(str(self._quota), str(self._quota))

    def measure(self, seconds: float = 1.0) -> float:
        """Return the part of a processor that a busy loop gets in the closed group."""
        with subprocess.Popen(
            [sys.executable, "-c", _BUSY.format(seconds=seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            self.add(process.pid)
            self.close()
            told, _ = process.communicate("\n")
        self.open()
        worked, passed = map(float, told.split())
        return worked / passed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Remove the group, as soon as its processes have ended."""
        give_up = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._folder.rmdir()
            except OSError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.01)

    def _limit(self, second_version: str, first_version: str) -> None:
        if self._is_second_version:
            self._write("cpu.max", f"{second_version} {_PERIOD}")
        else:
            self._write("cpu.cfs_period_us", str(_PERIOD))
            self._write("cpu.cfs_quota_us", first_version)

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, encoding="ascii")


def _make_group() -> tuple[Path, bool]:
    """Make a cgroup; return its folder, and whether it is one of version 2."""
    reasons = []
    for mount, is_second_version in _find_mounts():
        folder = mount / f"core_backend-{os.getpid()}-{time.monotonic_ns()}"
        try:
            if is_second_version:
                (mount / "cgroup.subtree_control").write_text("+cpu", encoding="ascii")
            folder.mkdir()
        except OSError as error:
            reasons.append(str(error))
            continue
        return folder, is_second_version
    why = "; ".join(reasons) or "this system has no cpu cgroups"
    raise NotAllowedError(f"{why}. It takes Linux, and root's rights")


def _find_mounts() -> Iterator[tuple[Path, bool]]:
    """Yield where the system shows its cpu cgroups, and whether they are of version 2."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, folder, kind, options, *_ = line.split()
        mount = Path(folder)
        if kind == "cgroup" and "cpu" in options.split(","):
            yield mount, False
        elif kind == "cgroup2":
            controllers = (mount / "cgroup.controllers").read_text(encoding="ascii").split()
            if "cpu" in controllers:
                yield mount, True
