"""One run of the store among several threads, each of which does what a seed tells it to."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from core_backend import (
    SecretError,
    clear_secrets,
    configure,
    get_secret,
    pending,
    secrets,
    secrets_info,
)
from core_backend._clock import remaining_millis
from core_backend._configuration import Settings
from core_backend._engine import cache, delivery, flight, portal, process, store
from support.fickle import FickleService
from support.judge import Broken, Judge
from support.scheduler import Scheduler
from support.simulation import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from core_backend import PendingSecret
    from core_backend._engine.store import Store

__all__ = ["Run"]

_KEYS = ("a", "a", "a", "b")
# Everything that somebody may do, by how often it comes up.
_DEEDS = {
    "ask": 6,
    "ask fresh": 6,
    "ask twice": 2,
    "ask and leave": 2,
    "ask in a hurry": 2,
    "revoke": 4,
    "admit": 2,
    "break": 1,
    "mend": 1,
    "wait": 3,
    "freeze": 2,
    "set back": 2,
    "clear": 3,
    "configure": 1,
    "fail to start": 1,
    "be interrupted": 3,
}
_LINES = frozenset(
    str(module.__file__) for module in (cache, delivery, flight, portal, store, pending, secrets)
)
_ALWAYS = ("ask", "ask fresh", "mend", "admit")


class Interrupted(Exception):  # noqa: N818  # what happened to the thread
    """What a signal handler raised in the middle of something."""


class Run:
    """One run.

    Args:
        seed: What it follows from, and nothing else.
        at_lines: Whether threads may change at every line of the store and what is around it.
    """

    def __init__(self, seed: int, *, at_lines: bool = False) -> None:
        self._again = f"SEED={seed}{' LINES=1' * at_lines}"
        self._seed = seed
        self.trace: list[str] = []
        self._scheduler = Scheduler(seed, _LINES if at_lines else frozenset())
        self._random = self._scheduler.random
        self._judge = Judge()
        self._service = FickleService(self._scheduler, self._judge, self._log)
        # A run in which all can happen seldom gets deep into anything.
        self._deeds = [
            name
            for name, weight in _DEEDS.items()
            if name in _ALWAYS or self._random.random() < 0.5
            for _ in range(weight)
        ]

    def play(self) -> None:
        """Do it all.

        Raises:
            Broken: With what was done, and how to have it done again.
        """
        try:
            with process.replaced(
                source=self._service,
                clock=self._service,
                random=self._random.random,
                settings=Settings(),
            ):
                self._play(process.get_store())
        except Exception as error:
            raise Broken(self._report(self._judge.broken or error)) from error
        if self._judge.broken is not None:
            raise Broken(self._report(self._judge.broken))

    def _play(self, store: Store) -> None:
        callers = [(f"thread {n}", self._caller(n)) for n in range(self._random.randint(2, 4))]
        check = self._judge.check
        lost = [thread.name for thread in self._scheduler.run(*callers)]
        check(not lost, f"who waits for ever: {lost}")
        check(not any(self._service.in_flight.values()), "a fetch is in flight, for nobody")
        check(not store._flights._under_way, "a flight that landed can be joined")
        self._judge.count(secrets_info(), self._service.calls)
        self._scheduler.run(("close", store.close))
        left = [thread.name for thread in self._scheduler.threads if not thread.done]
        check(not left, f"threads are left: {left}")

    # --- the callers ----------------------------------------------------------------------------

    def _caller(self, n: int) -> Callable[[], object]:
        todo = [self._random.choice(self._deeds) for _ in range(self._random.randint(2, 6))]
        shape = self._random.choice((self._on_loops, self._on_one_loop, self._on_none))
        return lambda: shape(f"thread {n}", todo)

    def _on_none(self, who: str, todo: list[str]) -> None:
        for deed in todo:
            self._log(f"{who}: {deed}")
            self._act(deed)
            if deed.startswith("ask"):
                key = self._random.choice(_KEYS)
                seconds = 0.05 if deed == "ask and leave" else None
                with contextlib.suppress(Interrupted):
                    with self._judge.asking(key) as got:
                        got.append(self._asked(key, deed).result(seconds))
                    self._log_got(who, key, got)

    def _on_loops(self, who: str, todo: list[str]) -> None:
        for deed in todo:
            self._on_one_loop(who, [deed])

    def _on_one_loop(self, who: str, todo: list[str]) -> None:
        """Do all at the same time on a loop, which dies with whatever nobody awaits any more."""
        loop = Loop()
        try:
            loop.run_until_complete(self._gather([self._do(who, deed) for deed in todo]))
        finally:
            loop.close()

    async def _gather(self, doing: list[Coroutine[None, None, None]]) -> None:
        await asyncio.gather(*doing)

    async def _do(self, who: str, deed: str) -> None:
        await asyncio.sleep(self._random.choice((0.0, 0.0, 0.02, 0.3)))
        self._log(f"{who}: {deed}")
        self._act(deed)
        if deed == "ask and leave":
            task = asyncio.ensure_future(self._ask(who, deed))
            await asyncio.sleep(self._random.choice((0.0, 0.005, 0.1)))
            task.cancel()
            if self._random.random() < 0.5:
                await asyncio.wait((task,))
        elif deed.startswith("ask"):
            await self._ask(who, deed)

    async def _ask(self, who: str, deed: str) -> None:
        if deed == "ask in a hurry":
            end = self._scheduler.now + self._random.choice((0.4, 0.55, 2.0))
            remaining_millis.set(lambda: int(1_000 * (end - self._scheduler.now)))
        key = self._random.choice(_KEYS)
        handle: PendingSecret[str] | None = None
        for pause in (None, *self._random.sample((0.0, 0.01, 6.0), k=deed == "ask twice")):
            if pause is not None:
                await asyncio.sleep(pause)
            with contextlib.suppress(Interrupted):
                with self._judge.asking(key) as got:
                    handle = handle or self._asked(key, deed)
                    got.append(await handle)
                self._log_got(who, key, got)

    def _asked(self, key: str, deed: str) -> PendingSecret[str]:
        handle = get_secret(key, fresh=deed == "ask fresh")
        self._judge.asked += 1
        return handle

    # --- what else happens ----------------------------------------------------------------------

    def _act(self, deed: str) -> None:
        with contextlib.suppress(Interrupted):
            self._disturb(deed)

    def _disturb(self, deed: str) -> None:
        service = self._service
        match deed:
            case "revoke":
                service.revoked.add(self._random.choice(_KEYS))
            case "admit":
                service.revoked.clear()
            case "break" | "mend":
                service.broken = deed == "break"
            case "wait":
                seconds = self._random.choice((0.5, 1.0, 4.9, 5.1, 250.0, 330.0))
                self._scheduler.block(lambda: False, seconds)
            case "freeze" | "set back":
                self._judge.disturbances += 1
                service.skew += 400.0 if deed == "freeze" else -1_000.0
            case "clear":
                with contextlib.suppress(Interrupted), self._judge.clearing(service.calls):
                    clear_secrets()
            case "fail to start":
                self._scheduler.failing_starts = self._random.randint(1, 3)
            case "be interrupted":
                thread = self._scheduler.current
                assert thread is not None
                thread.interrupted_in = self._random.randint(1, 150)
                thread.interruption = self._random.choice((self._raise, self._ask_and_wait))
            case "configure":
                self._judge.disturbances += 1
                ttl = self._random.choice((0.0, 1.0, 300.0))
                configure(ttl=ttl, timeout=self._random.choice((1.0, 5.0, 20.0)))

    # --- what a signal handler does, or a finalizer -----------------------------------------------

    def _raise(self) -> None:
        self._note_interruption("raises")
        raise Interrupted

    def _ask_and_wait(self) -> None:
        """Ask for another secret, as a finalizer may: it is answered, or it is refused."""
        self._note_interruption("asks")
        with contextlib.suppress(SecretError):
            get_secret("c").result()

    def _note_interruption(self, what: str) -> None:
        self._judge.disturbances += 1
        self._judge.interruptions += 1
        self._log(f"an interruption {what}")

    def _log(self, what: str) -> None:
        scheduler = self._scheduler
        self.trace.append(f"{scheduler.steps:6} {scheduler.now - 1_000:9.3f} s  {what}")

    def _log_got(self, who: str, key: str, got: list[str]) -> None:
        # An exception's text is no place for what is planted.
        self._log(f"{who}: {key}: {got[0].replace('pl4nted', 'value')}")

    def _report(self, error: Exception) -> str:
        return "\n".join(
            [
                f"seed {self._seed}: {error!r}; the steps, with their number and the time:",
                *self.trace,
                "To have exactly this once more:",
                f"    {self._again} python -m pytest tests/whole/model/test_interleavings.py",
            ]
        )
