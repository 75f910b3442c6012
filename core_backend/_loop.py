"""The event loop that is kept for all the async invocations of a thread."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from core_backend._clock import seconds_left
from core_backend.errors import CoreBackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["KeptLoop", "get_kept_loop", "is_loop_running"]

_log = logging.getLogger("core_backend")

R = TypeVar("R")

# How long the tasks that a handler leaves behind may take to stop, in seconds.
_GRACE = 1.0
# What they may not use of the invocation, in seconds: the result has to go out in time.
_RESERVE = 0.1


class KeptLoop:
    """One event loop, for all the invocations of a thread."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        # Tasks that ignored their cancellation. We do not wait for them again.
        self._stubborn: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        # Closes the loop at the end of its thread, or of the process.
        weakref.finalize(self, _close, self._loop, self.pid)

    def run(self, invocation: Coroutine[Any, Any, R], millis: Callable[[], object] | None) -> R:
        """Run one invocation, and cancel the tasks that it leaves behind.

        Args:
            invocation: The coroutine of the handler.
            millis: Returns the remaining time of the invocation, in milliseconds.

        Raises:
            CoreBackendError: The handler was cancelled.
        """
        loop = self._loop
        # A task has a copy of the context, so that what one invocation sets, the next does not see.
        task = loop.create_task(invocation)
        cancelled: asyncio.CancelledError | None = None
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError as error:
            cancelled = error
        finally:
            self._end_leftovers(millis)
        # The runtime client does not catch a CancelledError: it would end the process.
        raise CoreBackendError(
            "the handler was cancelled: something cancelled its task, or it awaited a task that "
            "was cancelled; catch asyncio.CancelledError where that is meant to happen"
        ) from cancelled

    def leave_to_parent(self) -> None:
        """Keep the copy in a forked child from touching anything of its parent's."""
        _leave_to_parent(self._loop)

    def _end_leftovers(self, millis: Callable[[], object] | None) -> None:
        """Cancel the tasks that were left behind, and those that they start while they end."""
        if not self._leftovers():
            return
        grace = min(max(seconds_left(millis) - _RESERVE, 0.0), _GRACE)
        until = self._loop.time() + grace
        while left := self._leftovers():
            for task in left:
                task.cancel()
            seconds = max(until - self._loop.time(), 0.0)
            self._loop.run_until_complete(asyncio.wait(left, timeout=seconds))
            _log.debug("cancelled %d tasks that the handler left behind", len(left))
            if self._loop.time() >= until:
                self._give_up_on(self._leftovers())

    def _leftovers(self) -> set[asyncio.Task[Any]]:
        return asyncio.all_tasks(self._loop).difference(self._stubborn)

    def _give_up_on(self, stubborn: set[asyncio.Task[Any]]) -> None:
        if stubborn:
            self._stubborn.update(stubborn)
            for task in stubborn:
                task.cancel()
            names = ", ".join(sorted(task.get_name() for task in stubborn))
            _log.warning(
                "the handler left tasks behind that do not stop when they are cancelled: %s", names
            )


def _close(loop: asyncio.AbstractEventLoop, pid: int) -> None:
    if os.getpid() == pid:
        loop.close()
    else:
        _leave_to_parent(loop)


_kept = threading.local()


def get_kept_loop() -> KeptLoop:
    """Return this thread's loop; the first call in a thread, or in a forked child, makes it."""
    loop: KeptLoop | None = getattr(_kept, "loop", None)
    if loop is not None and loop.pid != os.getpid():
        loop.leave_to_parent()
        loop = None
    if loop is None:
        loop = _kept.loop = KeptLoop()
    return loop


def _leave_to_parent(loop: asyncio.AbstractEventLoop) -> None:
    # The engine is imported when it is first needed.
    from core_backend._engine.portal import leave_to_parent  # noqa: PLC0415

    leave_to_parent(loop)


def is_loop_running() -> bool:
    """Whether this thread is running an event loop, as in an async test."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
