"""A source that answers as a test tells it to, and notes what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

from core_backend._configuration import Settings
from core_backend._engine import process
from core_backend.errors import SecretError, SecretNotFoundError, SecretThrottledError
from core_backend.sources import SecretRequest, SecretValue
from core_backend.testing.clock import FakeClock
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ScriptedSource:
    """Secrets in a dict, faults in a list, and a gate that holds answers back."""

    def __init__(self, **secrets: str | bytes) -> None:
        self.secrets: dict[str, str | bytes] = dict(secrets)
        self.versions: dict[str, int] = {}
        self.faults: list[BaseException] = []
        self.calls: list[SecretRequest] = []
        self.latency = 0.0
        self.closed = 0
        self.warmed = 0
        self.refused: Exception | None = None
        self._gate: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = threading.Semaphore(0)

    def check(self, request: SecretRequest) -> None:
        if self.refused is not None:
            raise self.refused

    async def fetch(self, request: SecretRequest) -> SecretValue:
        self.calls.append(request)
        answer = self._answer(request)  # as the service stands when it is asked
        gate = self._gate
        if gate is not None:
            self._loop = asyncio.get_running_loop()
        self._arrived.release()
        if gate is not None:
            await gate.wait()
        if self.latency:
            await asyncio.sleep(self.latency)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def warm(self) -> None:
        self.warmed += 1

    async def aclose(self) -> None:
        self.closed += 1

    def rotate(self, name: str, value: str) -> None:
        self.secrets[name] = value
        self.versions[name] = self.versions.get(name, 0) + 1

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold back every answer to what is asked in the block, until it ends."""
        gate = self._gate = asyncio.Event()
        try:
            yield
        finally:
            self._gate = None
            if self._loop is not None:
                # Closed meanwhile: then nobody waits at the gate.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(gate.set)

    @contextlib.contextmanager
    def let_through(self) -> Iterator[None]:
        """Answer what is asked in the block at once, though others are held back."""
        gate, self._gate = self._gate, None
        try:
            yield
        finally:
            self._gate = gate

    def arrived(self, calls: int = 1) -> None:
        """Block until that many more calls have arrived."""
        for _ in range(calls):
            assert self._arrived.acquire(timeout=60), "no call arrived"

    def _answer(self, request: SecretRequest) -> SecretValue | BaseException:
        if self.faults:
            return self.faults.pop(0)
        value = self.secrets.get(request.secret_id)
        if value is None:
            return SecretNotFoundError(
                f"secret {request.label!r}: there is none", secret_id=request.label
            )
        kind: Any = SecretText if isinstance(value, str) else SecretBytes
        return SecretValue(kind(value), f"v{self.versions.get(request.secret_id, 0)}")


def throttled() -> SecretThrottledError:
    return SecretThrottledError("secret 'a': throttled", secret_id="a", code="ThrottlingException")


class World:
    """A store of its own, on a scripted source and a clock that a test moves."""

    def __init__(self, source: ScriptedSource, clock: FakeClock, store: Any) -> None:
        self.source = source
        self.clock = clock
        self.store = store

    @property
    def calls(self) -> int:
        return len(self.source.calls)


@contextlib.contextmanager
def world(
    *, random: float = 0.5, source: ScriptedSource | None = None, **settings: Any
) -> Iterator[World]:
    """Put a world in place: secrets a to j, no jitter in the expiries at random=0.5."""
    source = source or ScriptedSource(**{name: f"pl4nted-{name}" for name in "abcdefghij"})
    clock = FakeClock()
    with process.replaced(
        source=source, clock=clock, random=lambda: random, settings=Settings(**settings)
    ):
        yield World(source, clock, process.get_store())


def stands_still(seconds: float) -> None:
    """Put the running loop's clock forward and stop it: what a freeze does to it, but at once.

    Whatever its timers were set for in these seconds happens now; nothing later ever does.
    """
    loop = asyncio.get_running_loop()
    later = loop.time() + seconds
    loop.time = lambda: later  # type: ignore[method-assign]


async def until(condition: Callable[[], object]) -> None:
    """Wait for what the private loop's thread does; it tells nobody."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came")


async def until_fetched(w: World, calls: int) -> None:
    """Wait for fetches in the background to have landed."""
    w.source.arrived(calls)
    await until(lambda: not w.store._flights._under_way)


def failure(kind: type[SecretError], code: str | None = None) -> SecretError:
    return kind("secret 'a': told to fail", secret_id="a", code=code)
