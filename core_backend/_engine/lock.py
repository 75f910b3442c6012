"""The engine's lock, and the start of its thread, which no interruption can leave half done.

Signal handlers and finalizers run between any two steps of a thread, under the lock as well. So:

*   One that asks for a secret takes the lock again: it is reentrant.
*   One that raises must not leave it locked. Up to Python 3.13, ``with`` sees to that. On 3.14 a
    handler can run after the lock was taken and before the block begins, and then nobody would
    release it. The same goes for the lock with which Python starts threads.
*   One that waits would wait forever, since the fetch needs the lock. ``is_held_here`` tells.
"""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["Lock", "start_thread"]

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
    # Not public.
    lock = threading._active_limbo_lock  # type: ignore[attr-defined]  # noqa: SLF001
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
