"""Whose turn it is among simulated threads, decided by a seed: a run is what its seed says.

One thread runs at a time. Wherever it says so (``pause``) another may go on in its stead. Time
stands still while anybody can do anything, and then goes on to when somebody wanted to be woken.
When nobody ever will be, the run is over, and who still waits is lost.

The threads are real ones, each held by a lock until it is its turn, so that whatever Python keeps
for a thread (the running loop, the context) is right.
"""

from __future__ import annotations

import _thread
import contextvars
import linecache
import math
import random
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

__all__ = ["Scheduler", "Thread", "running"]

# The one that has a run going on.
_scheduler: Scheduler | None = None


def running() -> Scheduler | None:
    """Return the scheduler whose run is going on."""
    return _scheduler


class _Worker:
    """A real thread, used by one simulated thread after the other: starting one takes long."""

    idle: list[_Worker] = []  # noqa: RUF012  # for all

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.turn.acquire()
        self.thread: Thread | None = None
        # Not by threading, by way of which coverage follows threads, at three times the time.
        _thread.start_new_thread(self._work, ())

    def _work(self) -> None:
        while True:
            self.turn.acquire()
            thread = self.thread
            assert thread is not None
            thread.live()
            self.thread = None
            self.idle.append(self)
            thread.scheduler.go_on(thread)


class Thread:
    """A simulated thread: what ``threading.Thread`` is to what is simulated."""

    def __init__(
        self, *, target: Callable[[], object], name: str = "", daemon: bool = False
    ) -> None:
        assert _scheduler is not None
        self.scheduler = _scheduler
        self.target = target
        self.name = name
        self.daemon = daemon
        self.ident: int | None = None
        self.done = False
        self.ready: Callable[[], object] | None = None
        self.until = math.inf
        self.error: BaseException | None = None
        self.interruption: Callable[[], object] | None = None
        """What a signal handler does, or a finalizer, when it interrupts this thread."""
        self.interrupted_in = 0
        """In how many lines it does so."""
        self.worker: _Worker | None = None

    def start(self) -> None:
        self.ident = id(self)
        self.worker = _Worker.idle.pop() if _Worker.idle else _Worker()
        self.worker.thread = self
        self.scheduler.threads.append(self)

    def join(self, timeout: float | None = None) -> None:
        if _scheduler is not None:
            _scheduler.block(lambda: self.done, timeout)

    def live(self) -> None:
        sys.settrace(self._at_call if self.scheduler.at_lines else None)
        try:
            # A context of its own, whatever real thread this is.
            contextvars.Context().run(self.target)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the run is to end
            self.error = error
        sys.settrace(None)
        self.done = True

    def _at_call(self, frame: types.FrameType, *_: object) -> object:
        return self._at_line if frame.f_code.co_filename in self.scheduler.at_lines else None

    def _at_line(self, frame: types.FrameType, event: str, _: object) -> object:
        if event == "line":
            self.scheduler.pause()
            self.interrupted_in -= 1
            if self.interrupted_in <= 0 and self.interruption is not None and _can_raise_in(frame):
                interruption, self.interruption = self.interruption, None
                # What it raises, Python raises in the line that was interrupted.
                interruption()
        return self._at_line


def _can_raise_in(frame: types.FrameType) -> bool:
    """Return whether a signal handler could run here: not between a block and its lock's release.

    Python reports the line of a with statement there as well, but runs no signal handler.
    """
    if frame.f_code.co_name == "_resolve":
        # A callback of the caller's own loop, whose exceptions asyncio only logs.
        return False
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return not line.lstrip().startswith("with ")


class Scheduler:
    """Decides whose turn it is.

    Args:
        seed: What all decisions follow from.
        at_lines: The files in which another thread may go on at every line.
    """

    def __init__(self, seed: int, at_lines: frozenset[str] = frozenset()) -> None:
        self.at_lines = at_lines
        self.failing_starts = 0
        """How many jobs of the private thread cannot start from now on."""
        self.random = random.Random(seed)
        self.now = 1_000.0
        self.limit = math.inf
        """How far time may go on by itself."""
        self.threads: list[Thread] = []
        self.current: Thread | None = None
        # Some runs change threads at every corner, some hardly ever: both find something.
        self.restless = self.random.choice((0.05, 0.2, 0.5))
        self.steps = 0
        self._over = threading.Lock()

    def run(self, *targets: tuple[str, Callable[[], object]]) -> list[Thread]:
        """Run these threads and whatever they start, until nobody can go on; return who is left."""
        global _scheduler  # noqa: PLW0603  # there is one at a time
        _scheduler = self
        try:
            for name, target in targets:
                Thread(target=target, name=name).start()
            self._over.acquire()
            self.go_on(None)
            self._over.acquire()
            self._over.release()
        finally:
            _scheduler = None
        for thread in self.threads:
            if thread.error is not None:
                raise thread.error
        return [thread for thread in self.threads if not thread.done and not thread.daemon]

    def pause(self) -> None:
        """Let somebody else go on here, perhaps."""
        self.steps += 1
        if self.random.random() < self.restless and self.current is not None:
            self.go_on(self.current)

    def block(self, ready: Callable[[], object], seconds: float | None = None) -> None:
        """Let others go on until ``ready``, or until that many seconds have passed."""
        me = self.current
        assert me is not None
        me.until = math.inf if seconds is None else self.now + seconds
        me.ready = ready
        self.go_on(me)

    def go_on(self, me: Thread | None) -> None:
        """Give somebody the turn, and return when it is ``me`` again."""
        chosen = self._choose()
        self.current = chosen
        if chosen is None:
            self._over.release()
        elif chosen is me:
            return
        else:
            assert chosen.worker is not None
            chosen.worker.turn.release()
        if me is not None and not me.done:
            assert me.worker is not None
            me.worker.turn.acquire()

    def _choose(self) -> Thread | None:
        self.threads = [thread for thread in self.threads if not thread.done or thread.error]
        alive = [thread for thread in self.threads if not thread.done]
        if any(thread.error for thread in self.threads):
            return None
        while True:
            able = [
                thread
                for thread in alive
                if thread.ready is None or thread.until <= self.now or thread.ready()
            ]
            if able:
                chosen = able[int(self.random.random() * len(able))]
                chosen.ready = None
                return chosen
            then = min((thread.until for thread in alive), default=math.inf)
            if then == math.inf or then > self.limit:
                return None
            self.now = then
