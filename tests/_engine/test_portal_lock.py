"""The lock, and the start of a thread, interrupted at the worst moment."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from core_backend._engine.portal import Lock, start_thread


class Interruption(BaseException):
    """What a signal handler raises."""


class Interrupted(Lock):
    """One that is taken and, before that is known, interrupted, as on Python 3.14."""

    interrupted = True

    def acquire(self, **options: Any) -> bool:
        taken: bool = super().acquire(**options)
        if self.interrupted:
            raise Interruption
        return taken


def is_free(lock: Any) -> bool:
    """Return whether another thread can take it."""
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(lock.acquire(blocking=False)))
    thread.start()
    thread.join(10)
    return found[0]


def test_one_that_is_interrupted_as_it_is_taken_is_not_left_locked() -> None:
    lock = Interrupted()
    with pytest.raises(Interruption), lock:
        pytest.fail("it was taken")
    lock.interrupted = False
    assert is_free(lock)


def test_an_interrupt_does_not_release_a_held_lock() -> None:
    lock = Interrupted()
    lock.interrupted = False
    with lock:
        lock.interrupted = True
        with pytest.raises(Interruption), lock:
            pytest.fail("it was taken")
        lock.interrupted = False
        assert lock.is_held_here()
        assert not is_free(lock)
    assert not lock.is_held_here()
    assert is_free(lock)


def test_a_start_that_is_interrupted_leaves_other_threads_able_to_start() -> None:
    class Thread(threading.Thread):
        def start(self) -> None:
            threading._active_limbo_lock.acquire()  # type: ignore[attr-defined]
            raise Interruption

    with pytest.raises(Interruption):
        start_thread(Thread())
    assert is_free(Lock())
