"""The private loop: one daemon thread on which all fetching happens.

Clients and sockets live on this one loop for the life of the process, so that no caller's loop
matters: not whether there is one, not which, and not when it ends. A cache hit never comes here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import socket
import sys
import threading
import time
from contextvars import Context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    Job = Callable[[], Coroutine[Any, Any, None]]


__all__ = [
    "Lock",
    "Portal",
    "is_fetching",
    "leave_to_parent",
    "start_thread",
]

_RLock: Any = type(threading.RLock())


class Lock(_RLock):  # type: ignore[misc]  # Any, since type checkers take it for final
    """A reentrant lock, to be used in a ``with`` statement."""

    def __enter__(self) -> bool:
        """Take the lock. Whatever is raised, it was not taken."""
        before = _depth(self)
        try:
            self.acquire()
        except BaseException:
            _release_to(before, self)
            raise
        return True

    def is_held_here(self) -> bool:
        """Return whether this thread holds it: then this code interrupts what is done under it."""
        return _depth(self) > 0


def start_thread(thread: threading.Thread) -> None:
    """Start a thread. Whatever is raised, other threads can start."""
    # Not public, so perhaps not there.
    lock: Any = getattr(threading, "_active_limbo_lock", None) or Lock()
    before = _depth(lock)
    try:
        thread.start()
    except BaseException:
        _release_to(before, lock)
        raise


def _depth(lock: Any) -> int:
    """Return how often this thread has taken the lock."""
    # Not public either, but unchanged since Python 3.9 or older.
    depth: int = lock._recursion_count()  # noqa: SLF001
    return depth


def _release_to(depth: int, lock: Any) -> None:
    while _depth(lock) > depth:
        lock.release()


# What must not be finalized as long as the child has anything else to do.
_left_behind: list[object] = []


def leave_to_parent(loop: asyncio.AbstractEventLoop, *, connections: bool = False) -> None:
    """Cut the child's copy of a loop off from the parent's, whatever becomes of it at exit.

    Args:
        loop: Not to be run any more by this process.
        connections: Whether to cut off what is registered with the loop as well.
    """
    _left_behind.append(loop)
    # There is no public way to it. uvloop has none, and closes nothing by finalizer.
    selector: Any = getattr(loop, "_selector", None)
    if selector is None or loop.is_closed() or not hasattr(select, "epoll"):
        return
    with select.epoll() as unshared, socket.socket() as unconnected:
        os.dup2(unshared.fileno(), selector.fileno(), inheritable=False)
        for descriptor in list(selector.get_map()) if connections else ():
            os.dup2(unconnected.fileno(), descriptor, inheritable=False)


# How long closing waits for tasks that were told to stop, in seconds.
_GRACE = 1.0
_ROUNDS = 5

_log = logging.getLogger("asyncio")
_here = threading.local()


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose timers fire under a test's frozen time as well."""

    # The same clock as time.monotonic, which time-machine 2 freezes in C. freezegun replaces both
    # in modules, but not in the default of an argument.
    def time(self, read: Callable[[], float] = time.perf_counter) -> float:
        """Return the seconds by which timers fire."""
        return read()


class Portal:
    """An event loop in a thread of its own, started on construction.

    Raises:
        OSError: No file descriptor is left for the loop.
        RuntimeError: No thread can be started.
    """

    def __init__(self) -> None:
        if sys.is_finalizing():
            # On Python 3.11 the thread would start, never run, and be waited for.
            raise RuntimeError("the interpreter is shutting down")
        # Not by the policy: an application's choice of loop is for the application's tasks.
        with _unlogged():
            self._loop = _Loop()
        self._tasks: set[asyncio.Task[None]] = set()
        # What runs after others: it closes what they used, and is not cut off.
        self._closing: set[asyncio.Task[None]] = set()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="core_backend", daemon=True)
        try:
            start_thread(self._thread)
        except BaseException as error:
            if isinstance(error, RuntimeError) and self._thread.ident is None:
                self._loop.close()
            else:
                # A signal handler raised it. If the thread has started, it closes the loop.
                self._loop.call_soon_threadsafe(self._end)
            raise

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be started any more."""
        return self._loop.is_closed()

    def spawn(self, *jobs: Job) -> None:
        """Start ``jobs`` as tasks on the loop, all in one go. From any thread; returns at once."""
        self._loop.call_soon_threadsafe(self._start, *jobs)

    def spawn_after(self, job: Job) -> None:
        """Start ``job`` once all has ended that runs now."""
        self._loop.call_soon_threadsafe(self._start_after, job)

    def close(self, last: Job | None) -> None:
        """Cancel what runs, await ``last``, and end the thread. Not from the thread itself."""
        # It may be closed already.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._start_closing, last)
        self._thread.join(_GRACE * 2)

    def leave_to_parent(self) -> None:
        """Let a forked child's copy touch nothing of its parent's."""
        leave_to_parent(self._loop, connections=True)

    def _start(self, *jobs: Job) -> None:
        for job in jobs:
            self._begin(job, self._tasks)

    def _begin(self, job: Job, among: set[asyncio.Task[None]]) -> None:
        # An empty context: a fetch outlives the invocation that asked first, and serves others.
        task = self._loop.create_task(job(), context=Context())
        among.add(task)
        task.add_done_callback(among.discard)

    def _start_after(self, job: Job) -> None:
        running = list(self._tasks)

        async def wait_and_run() -> None:
            if running:
                await asyncio.wait(running)
            await job()

        self._begin(wait_and_run, self._closing)

    def _start_closing(self, last: Job | None) -> None:
        running, closing = list(self._tasks), list(self._closing)
        self._start(lambda: self._finish(running, closing, last))

    async def _finish(
        self,
        running: list[asyncio.Task[None]],
        closing: list[asyncio.Task[None]],
        last: Job | None,
    ) -> None:
        for task in running:
            task.cancel()
        if running or closing:
            await asyncio.wait([*running, *closing], timeout=_GRACE)
        if last is not None:
            # Whatever fails to close is being dropped all the same.
            with contextlib.suppress(Exception):
                await last()
        # What is still there waits for the other side's farewell, which may never come. There is no
        # public way to it.
        left: Any = getattr(self._loop, "_transports", {})
        for transport in list(left.values()):
            transport.abort()
        # What was closed lets go of its sockets in the loop's next rounds: the SDK's TLS in three.
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._loop.stop()

    def _run(self) -> None:
        _here.fetching = True
        asyncio.set_event_loop(self._loop)
        try:
            while not self._ended:
                # asyncio lets these out: a log handler that calls sys.exit() in one fetch would
                # end all the others, and leave their callers waiting.
                with contextlib.suppress(SystemExit, KeyboardInterrupt):
                    self._loop.run_forever()
        finally:
            self._loop.close()
            _here.fetching = False


def is_fetching() -> bool:
    """Whether this is a thread that fetches: one that waited here would wait for itself."""
    return getattr(_here, "fetching", False)


@contextlib.contextmanager
def _unlogged() -> Generator[None]:
    """Keep to itself what asyncio tells of a new loop, here, at level DEBUG.

    A log handler may fetch a secret, to ship the line with. It would open a loop in turn, whose
    line would make it fetch again.
    """
    here = threading.get_ident()

    def from_elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != here

    _log.addFilter(from_elsewhere)
    try:
        yield
    finally:
        _log.removeFilter(from_elsewhere)
