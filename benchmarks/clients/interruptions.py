"""What interrupts a read: signals, finalizers, missing descriptors. And other interpreters."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import resource
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["ask_by_finalizers", "no_descriptors", "read_in_subinterpreter", "was_interrupted"]

# In seconds. A fetch from this machine takes a few milliseconds.
_LATEST = 5e-3
_chance = random.Random(31)  # the same moments in each run


class _Interruption(KeyboardInterrupt):
    """What the signal handler raises. asyncio's callbacks swallow errors of other kinds."""


@contextlib.contextmanager
def no_descriptors() -> Generator[None]:
    """Let the process open nothing until the block ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def was_interrupted(read: Callable[[], object]) -> bool:
    """Read, and raise out of a signal handler in the middle of it, if it takes that long."""
    signal.signal(signal.SIGALRM, _raise)
    try:
        signal.setitimer(signal.ITIMER_REAL, _chance.uniform(1e-5, _LATEST))
        try:
            read()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _Interruption:
        return True
    return False


@contextlib.contextmanager
def ask_by_finalizers(read: Callable[[], object]) -> Generator[None]:
    """Let garbage read a secret when it is collected, every few allocations."""

    class Garbage:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            read()

    def make(phase: str, _: object) -> None:
        if phase == "stop":
            Garbage()

    before = gc.get_threshold()
    Garbage()
    gc.callbacks.append(make)
    gc.set_threshold(500)
    try:
        yield
    finally:
        gc.callbacks.remove(make)
        gc.set_threshold(*before)


def read_in_subinterpreter(client: str, secret: str) -> dict[str, str]:
    """Read a secret in another interpreter of this process."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    interpreters: Any = importlib.import_module(name)
    reading_end, writing_end = os.pipe()
    program = _PROGRAM.format(path=sys.path, client=client, secret=secret, pipe=writing_end)
    interpreters.run_string(interpreters.create(), program)
    os.close(writing_end)
    with os.fdopen(reading_end, "rb") as answer:
        outcome: dict[str, str] = json.loads(answer.read())
    return outcome


_PROGRAM = """
import asyncio, importlib, inspect, json, os, sys
sys.path[:] = {path!r}
try:
    client = importlib.import_module("clients.{client}")
    read = client.read({secret!r}, False, None)
    if inspect.isawaitable(read):
        async def wait():
            return await read
        read = asyncio.run(wait())
    outcome = {{"value": read}}
except BaseException as error:
    outcome = {{"error": f"{{type(error).__name__}}: {{error}}"}}
os.write({pipe}, json.dumps(outcome).encode())
"""


def _raise(*_: object) -> None:
    raise _Interruption
