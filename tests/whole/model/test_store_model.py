"""The store beside a model of it that has no threads: whatever happens, they do the same."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)
from support import simulation
from support.scheduler import Scheduler
from support.simulation import Loop
from support.store_model import Flight, StoreModel

from core_backend import (
    ConfigurationError,
    CoreBackendError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
    clear_secrets,
    configure,
    get_secret,
)
from core_backend._configuration import Settings
from core_backend._engine import process
from core_backend.sources import SecretRequest, SecretValue
from core_backend.values import SecretText

KINDS = {
    "throttled": SecretThrottledError,
    "unavailable": SecretUnavailableError,
    "timeout": SecretTimeoutError,
    "denied": SecretAccessDeniedError,
    "deleted": SecretDeletedError,
    "missing": SecretNotFoundError,
    "undecipherable": SecretDecryptionError,
    "empty": SecretNotSetError,
    "misconfigured": ConfigurationError,
}


ANSWERS = st.sampled_from(["value"] * 8 + ["throttled"] * 6 + ["denied"] * 4 + list(KINDS))


class Service:
    """A source that answers each call when it is told to, and tells the simulated time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.skew = 0.0
        self.calls: list[asyncio.Future[str]] = []

    def check(self, request: SecretRequest) -> None: ...

    async def warm(self) -> None: ...

    async def aclose(self) -> None: ...

    async def fetch(self, request: SecretRequest) -> SecretValue:
        call: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.calls.append(call)
        number = str(len(self.calls))
        kind = await call
        if kind == "value":
            return SecretValue(SecretText(f"pl4nted {number}"), number)
        if kind == "misconfigured":
            raise ConfigurationError(number)
        raise KINDS[kind](number, secret_id=request.secret_id)

    def wall(self) -> float:
        return self.scheduler.now + self.skew

    def monotonic(self) -> float:
        return self.scheduler.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Waiter:
    """Somebody who asks, on a loop and thread of its own, or without a loop."""

    def __init__(self, key: str, *, fresh: bool, blocking: bool) -> None:
        self.key = key
        self.fresh = fresh
        self.blocking = blocking
        self.loop: Loop | None = None
        self.task: asyncio.Task[str] | None = None
        self.got: tuple[str, str] | None = None

    def live(self) -> None:
        try:
            value = self._value()
        except CoreBackendError as error:
            kind = next(name for name, cls in KINDS.items() if type(error) is cls)
            self.got = kind, str(error)
        except asyncio.CancelledError:
            self.got = "cancelled", ""
        else:
            self.got = "value", value.partition(" ")[2]

    def _value(self) -> str:
        handle = get_secret(self.key, fresh=self.fresh)
        if self.blocking:
            return handle.result()
        self.loop = Loop()
        try:
            self.task = self.loop.create_task(self._awaited(handle))
            return self.loop.run_until_complete(self.task)
        finally:
            self.loop.close()

    async def _awaited(self, handle: Any) -> str:
        value: str = await handle
        return value


class StoreBesideModel(RuleBasedStateMachine):
    """Both are told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        simulation.installed(self.patch)
        self.scheduler = Scheduler(0)
        self.service = Service(self.scheduler)
        self.model = StoreModel()
        self.scheduler.now = self.scheduler.limit = self.model.monotonic
        self.waiters: list[Waiter] = []
        self.last_clear = 0
        given = Settings(jitter=0.0, attempts=self.model.attempts)
        self.replaced = process.replaced(
            source=self.service, clock=self.service, random=lambda: 0.0, settings=given
        )
        self.replaced.__enter__()
        self.store = process.get_store()

    def teardown(self) -> None:
        self.scheduler.limit = math.inf
        self.scheduler.run(("close", self.store.close))
        self.replaced.__exit__(None, None, None)
        self.patch.undo()
        left = [thread.name for thread in self.scheduler.threads if not thread.done]
        assert not left, f"threads are left: {left}"

    @rule(key=st.sampled_from("aaab"), fresh=st.booleans(), blocking=st.booleans())
    def ask(self, key: str, fresh: bool, blocking: bool) -> None:
        waiter = Waiter(key, fresh=fresh, blocking=blocking)
        self.model.ask(len(self.waiters), key, fresh=fresh)
        self.waiters.append(waiter)
        self._run(waiter.live)

    @rule(key=st.sampled_from("aaab"), fresh=st.booleans(), kind=ANSWERS)
    def ask_and_answer(self, key: str, fresh: bool, kind: str) -> None:
        self.ask(key, fresh, blocking=False)
        self.both_did_the_same()
        self._answer_all(kind)

    @precondition(lambda self: self.model.flights)
    @rule(data=st.data(), kind=ANSWERS)
    def answer(self, data: st.DataObject, kind: str) -> None:
        self._answer(data.draw(st.sampled_from(self.model.flights)), kind)

    @precondition(lambda self: self.model.flights)
    @rule(kind=ANSWERS)
    def answer_all(self, kind: str) -> None:
        self._answer_all(kind)

    def _answer_all(self, kind: str) -> None:
        """Let nobody be in flight any more, the latest first."""
        while self.model.flights:
            self._answer(self.model.flights[-1], kind)

    def _answer(self, flight: Flight, kind: str) -> None:
        call = self.service.calls[flight.call.number - 1]
        self.model.answer(flight, kind)
        self._run(lambda: call.get_loop().call_soon_threadsafe(call.set_result, kind))

    @precondition(lambda self: self._waiting())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        n = data.draw(st.sampled_from(self._waiting()))
        self.model.cancel(n)
        self.model.got[n] = "cancelled", 0
        waiter = self.waiters[n]
        self._run(lambda: waiter.loop.call_soon_threadsafe(waiter.task.cancel))

    @rule(seconds=st.sampled_from([1.0, 4.0, 5.0, 16.0, 240.0, 300.0, 3_600.0]))
    def advance(self, seconds: float) -> None:
        self.model.advance(seconds)
        self.scheduler.limit = self.scheduler.now + seconds
        self._run(lambda: None)
        self.scheduler.now = self.scheduler.limit

    @rule(seconds=st.sampled_from([-10.0, 6.0]))
    def set_wall_clock(self, seconds: float) -> None:
        """Freeze, while monotonic time stands still, or set the clock back."""
        self.model.set_wall_clock(seconds)
        self.service.skew += seconds
        # The store looks at the clocks when somebody asks. Here it does so at once, as the model.
        if self.store._failures is not None:
            self.store._failures.find("a", transient_only=False)

    @precondition(lambda self: self._asked_since() > 8)
    @rule()
    def clear(self) -> None:
        self.last_clear = len(self.waiters)
        self.model.clear()
        self._run(clear_secrets)

    @precondition(lambda self: self._asked_since() > 4)
    @rule(ttl=st.sampled_from([0.0, 10.0, 300.0]), max_stale=st.sampled_from([0.0, 3_600.0]))
    def configure(self, ttl: float, max_stale: float) -> None:
        self.model.ttl, self.model.max_stale = ttl, max_stale
        self._run(lambda: configure(ttl=ttl, max_stale=max_stale))

    @invariant()
    def both_did_the_same(self) -> None:
        assert len(self.service.calls) == self.model.calls
        for n, waiter in enumerate(self.waiters):
            expected = self.model.got.get(n)
            if expected is None:
                assert waiter.got is None
            elif expected[0] in ("timeout", "cancelled"):
                assert waiter.got is not None
                assert waiter.got[0] == expected[0]
            else:
                assert waiter.got == (expected[0], str(expected[1]))

    def _asked_since(self) -> int:
        """Return how many have asked since all was forgotten: too often, and nothing happens."""
        return len(self.waiters) - self.last_clear

    def _waiting(self) -> list[int]:
        return [
            n for n, waiter in enumerate(self.waiters) if waiter.got is None and not waiter.blocking
        ]

    def _run(self, target: Any) -> None:
        self.scheduler.run(("told", target))


TestStoreBesideModel = StoreBesideModel.TestCase
TestStoreBesideModel.settings = settings(max_examples=300, stateful_step_count=40)
