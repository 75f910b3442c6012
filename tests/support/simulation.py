"""Locks, events and event loops for simulated threads, in the place of the package's own.

Wherever threads can get into each other's way, the scheduler may let another one go on: where a
lock is taken or given back, where a loop is told something, where it goes round.
"""

from __future__ import annotations

import asyncio
import math
import threading
import types
from typing import TYPE_CHECKING, Any

from core_backend import pending
from core_backend._engine import delivery, flight, portal, process, store
from support.scheduler import Scheduler, Thread, running

if TYPE_CHECKING:
    import pytest

_DAY = 24 * 3600.0

__all__ = ["Loop", "Sleeper", "installed"]


class _Lock:
    """What the package's ``Lock`` is; outside of a run it has nobody to keep out."""

    def __init__(self) -> None:
        self._owner: Thread | None = None
        self._depth = 0

    def __enter__(self) -> None:
        scheduler = running()
        if scheduler is None:
            return
        if self._owner is not scheduler.current:
            scheduler.pause()
            while self._owner is not None:
                scheduler.block(lambda: self._owner is None)
            self._owner = scheduler.current
        self._depth += 1

    def is_held_here(self) -> bool:
        scheduler = running()
        return scheduler is not None and self._owner is scheduler.current

    def __exit__(self, *_: object) -> None:
        scheduler = running()
        if scheduler is None:
            return
        self._depth -= 1
        if not self._depth:
            self._owner = None
            scheduler.pause()


class Sleeper:
    """What ``threading.Lock`` is to a flight: a thread waits until another one releases it."""

    def __init__(self) -> None:
        self._taken = False

    def acquire(self, timeout: float = -1) -> None:
        if self._taken:
            forever = timeout >= threading.TIMEOUT_MAX
            _now_running().block(lambda: not self._taken, None if forever else timeout)
        self._taken = True

    def release(self) -> None:
        self._taken = False
        _pause()


class Loop(asyncio.BaseEventLoop):
    """asyncio's own loop, but that it waits for simulated time and simulated threads only."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        # Whoever leaves tasks behind does so on purpose.
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        return _now_running().now

    def select(self, timeout: float | None) -> list[Any]:
        """Wait until a callback is due, as a selector does."""
        if timeout == 0:
            _pause()
        else:
            # asyncio waits for a day at most, even if no timer is due.
            forever = timeout is None or timeout >= _DAY
            _now_running().block(lambda: self._ready, None if forever else timeout)
        return []

    def _process_events(self, event_list: list[Any]) -> None: ...

    def _write_to_self(self) -> None:
        _pause()


def _new_private_loop() -> Loop:
    """Return a loop on which secrets are fetched, if a file descriptor is left for it."""
    _fail_if_told(OSError("no file descriptor is left"))
    return Loop()


class _PrivateThread(Thread):
    """The thread of that loop, which may not start."""

    def start(self) -> None:
        _fail_if_told(RuntimeError("can't start new thread"))
        super().start()


def _fail_if_told(error: Exception) -> None:
    scheduler = running()
    if scheduler is not None and scheduler.failing_starts:
        scheduler.failing_starts -= 1
        raise error


def _now_running() -> Scheduler:
    scheduler = running()
    assert scheduler is not None
    return scheduler


def _pause() -> None:
    scheduler = running()
    if scheduler is not None:
        scheduler.pause()


def installed(patch: pytest.MonkeyPatch) -> None:
    """Put all this in the place of what the package uses of its kind."""
    threads = types.SimpleNamespace(
        Lock=Sleeper,
        Thread=_PrivateThread,
        TIMEOUT_MAX=threading.TIMEOUT_MAX,
        get_ident=threading.get_ident,
    )
    for module in (flight, portal, store):
        patch.setattr(module, "threading", threads)
    patch.setattr(store, "Lock", _Lock)
    # Or who waits for ever would give up.
    patch.setattr(delivery, "_PATIENCE", math.inf)
    patch.setattr(process, "_lock", _Lock())
    patch.setattr(pending, "time", types.SimpleNamespace(monotonic=lambda: _now_running().now))
    patch.setattr(portal, "_Loop", _new_private_loop)
    spawn = portal.Portal.spawn

    def spawn_or_fail(self: portal.Portal, *jobs: Any) -> None:
        _fail_if_told(RuntimeError("the loop is closed"))
        spawn(self, *jobs)

    patch.setattr(portal.Portal, "spawn", spawn_or_fail)
