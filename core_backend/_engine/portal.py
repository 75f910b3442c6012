"""The private event loop, in a daemon thread of its own, on which all fetching happens.

Connections belong to this loop for the life of the process, so it does not matter whether a caller
has a loop, which one, or when it ends. A cache hit never comes here.

The engine's lock is here as well, because interruptions threaten both. Signal handlers and
finalizers run between any two steps of a thread, also under the lock:

*   One that asks for a secret takes the lock again, so the lock is reentrant.
*   One that raises must not leave it locked. Up to Python 3.13, ``with`` sees to that. On 3.14, a
    handler can run after the lock was taken and before the block begins. The same goes for the lock
    with which Python starts threads.
*   One that waits would wait forever, since the fetch needs the lock. ``is_held_here`` tells.
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


# The parent's loops, in a forked child. They are kept, because finalizing one would close it.
_left_behind: list[object] = []


def leave_to_parent(loop: asyncio.AbstractEventLoop, *, connections: bool = False) -> None:
    """Detach a forked child's copy of a loop from the parent's, so that closing it does no harm.

    Args:
        loop: The loop, which this process must not run any more.
        connections: Whether to detach the loop's connections as well.
    """
    _left_behind.append(loop)
    # Not public. uvloop has no selector, and its finalizer closes nothing.
    selector: Any = getattr(loop, "_selector", None)
    if selector is None or loop.is_closed() or not hasattr(select, "epoll"):
        return
    with select.epoll() as unshared, socket.socket() as unconnected:
        os.dup2(unshared.fileno(), selector.fileno(), inheritable=False)
        for descriptor in list(selector.get_map()) if connections else ():
            os.dup2(unconnected.fileno(), descriptor, inheritable=False)


# How many seconds closing waits for tasks that were cancelled.
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
        # Not from the event loop policy, which chooses a loop for the application's tasks.
        with _unlogged():
            self._loop = _Loop()
        self._tasks: set[asyncio.Task[None]] = set()
        # Tasks that close what others used. They wait for those, and are not cancelled.
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
        """Start ``jobs`` as tasks, all in one go. Any thread may call this; it returns at once."""
        self._loop.call_soon_threadsafe(self._start, *jobs)

    def spawn_after(self, job: Job) -> None:
        """Start ``job`` when all the tasks of now have ended."""
        self._loop.call_soon_threadsafe(self._start_after, job)

    def close(self, last: Job | None) -> None:
        """Cancel all tasks, run ``last``, and end the thread. Not to be called on that thread."""
        # It may be closed already.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._start_closing, last)
        self._thread.join(_GRACE * 2)

    def leave_to_parent(self) -> None:
        """Detach a forked child's copy from the parent's loop and connections."""
        leave_to_parent(self._loop, connections=True)

    def _start(self, *jobs: Job) -> None:
        for job in jobs:
            self._begin(job, self._tasks)

    def _begin(self, job: Job, among: set[asyncio.Task[None]]) -> None:
        # An empty context, because a fetch outlives the invocation that asked first.
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
            # If closing fails, it is dropped all the same.
            with contextlib.suppress(Exception):
                await last()
        # The transports that are left wait until the other side closes, which may never happen.
        # There is no public way to get them.
        left: Any = getattr(self._loop, "_transports", {})
        for transport in list(left.values()):
            transport.abort()
        # Closed transports release their sockets in the loop's next rounds; the SDK's TLS takes 3.
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
    """Whether this is a thread that fetches. If it waited for a fetch, it would wait forever."""
    return getattr(_here, "fetching", False)


@contextlib.contextmanager
def _unlogged() -> Generator[None]:
    """Drop the line that asyncio logs about a new loop at level DEBUG, in this thread.

    A log handler may fetch a secret before it ships that line. That fetch would open a loop, which
    logs the line again, and so on.
    """
    here = threading.get_ident()

    def from_elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != here

    _log.addFilter(from_elsewhere)
    try:
        yield
    finally:
        _log.removeFilter(from_elsewhere)
