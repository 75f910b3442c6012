"""The handles: what was asked for, to be awaited from any loop or thread, as often as you like."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar, TypeVarTuple, cast

from core_backend._clock import remaining_seconds
from core_backend._engine import process
from core_backend._engine.delivery import deliver
from core_backend._engine.flight import SPENT
from core_backend.errors import (
    CoreBackendError,
    SecretError,
    SecretsFailedError,
    SecretTimeoutError,
)
from core_backend.values import SecretText, read

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from core_backend._engine.cache import Entry
    from core_backend._engine.flight import Flight
    from core_backend.sources.protocol import SecretRequest

__all__ = ["PendingSecret", "SecretBatch"]

T_co = TypeVar("T_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)
Ps = TypeVarTuple("Ps")


class PendingSecret(Generic[T_co]):
    """One secret that was asked for: its fetch is under way, or its value at hand.

    Await it as often as you like, from any loop or thread: a value past its ttl is asked for
    again. ``result()`` does the same for sync code. Dropping it costs and warns of nothing.
    """

    __slots__ = ("_answer", "_fresh", "_parse", "_request")

    def __init__(
        self,
        request: SecretRequest,
        answer: Entry | Flight,
        parse: Callable[[Any], T_co] | None,
        fresh: bool = False,  # noqa: FBT001, FBT002  # made on the hot path: keywords cost
    ) -> None:
        self._request = request
        self._answer = answer
        self._parse = parse
        self._fresh = fresh

    def __await__(self) -> Generator[Any, None, T_co]:
        """Return the value.

        Raises:
            SecretError: It could not be had; see ``core_backend.errors``.
        """
        # Anything, and without cast(), which is a call, for the sake of a hit.
        answer: Any = self._answer
        value = answer.young_value(answer.wall(), answer.monotonic())
        if value is None:
            value, _ = yield from self._wait().__await__()
        text: T_co = value
        # All that read() would do for plain text.
        if self._parse is None and value.__class__ is SecretText:
            return text
        return self._read(value)

    async def with_version(self) -> tuple[T_co, str]:
        """Return the value, and the id of its version, which is no secret and may be logged.

        Raises:
            SecretError: It could not be had; see ``core_backend.errors``.
        """
        value, version = await self._wait()
        return self._read(value), version

    def result(self, timeout: float | None = None) -> T_co:
        """Block until the value is there, and return it. Works inside a running loop as well.

        Args:
            timeout: How many seconds to wait at most.

        Raises:
            SecretTimeoutError: It was not there in time; its fetch goes on.
            SecretError: It could not be had; see ``core_backend.errors``.
        """
        value, _ = self._wait_blocking(timeout)
        return self._read(value)

    def __repr__(self) -> str:
        """Return which secret it is, and no more."""
        return f"<PendingSecret {self._request.label!r}>"

    def _steps(self) -> Generator[Flight, None, tuple[Any, str]]:
        """Yield each flight that has to be waited for. Return the stored value and its version."""
        store = process.get_store()
        try:
            steps = deliver(store, self._request, self._answer, fresh=self._fresh)
            entry, value = yield from steps
        except CoreBackendError:
            # The failure was told. Awaited again, the handle asks again.
            self._answer = SPENT
            raise
        self._answer = entry
        return value, entry.version_id

    async def _wait(self) -> tuple[Any, str]:
        steps = self._steps()
        try:
            while True:
                await next(steps).wait(remaining_seconds())
        except StopIteration as found:
            return cast("tuple[Any, str]", found.value)

    def _wait_blocking(self, timeout: float | None) -> tuple[Any, str]:
        end = math.inf if timeout is None else time.monotonic() + timeout
        steps = self._steps()
        try:
            while True:
                flight, left = next(steps), remaining_seconds()
                seconds = end - time.monotonic()
                flight.wait_blocking(min(seconds, left))
                if flight.landed_at is None and seconds < left:
                    break
        except StopIteration as found:
            return cast("tuple[Any, str]", found.value)
        raise SecretTimeoutError(
            f"secret {self._request.label!r}: not there within {timeout:.3g} s; "
            f"wait longer, or ask for it earlier",
            secret_id=self._request.label,
        )

    def _read(self, value: Any) -> T_co:
        return cast("T_co", read(value, self._parse, self._request.label))


class SecretBatch(tuple[*Ps], Generic[V_co, *Ps]):
    """Several secrets that were asked for at once: an immutable sequence of ``PendingSecret``.

    Unpack it for the single handles, or await it for all the values, in argument order.
    """

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, V_co]:
        """Return the values as a tuple, in argument order.

        Raises:
            SecretError: The one that failed; ``SecretsFailedError`` where several did. The good
                ones are cached all the same.
        """
        # Without a coroutine, where all are hits; inlined, as in a single handle's.
        values: list[Any] = []
        handles: Any = self
        now: tuple[float, float] | None = None
        for pending in handles:
            answer = pending._answer  # noqa: SLF001  # of this module, as below
            now = now or (answer.wall(), answer.monotonic())
            value = answer.young_value(*now)
            if value.__class__ is not SecretText or pending._parse is not None:  # noqa: SLF001
                # Nor are they to stay behind in the frames of an error.
                values.clear()
                del value
                return (yield from self._values().__await__())
            values.append(value)
        all_values: Any = tuple(values)
        batch: V_co = all_values
        return batch

    def result(self, timeout: float | None = None) -> V_co:
        """Block until all the values are there, and return them.

        Args:
            timeout: How many seconds to wait at most, for all of them together.

        Raises:
            SecretError: As when awaited.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        outcomes: list[Any] = []
        for pending in self._pending():
            left = None if timeout is None else max(end - time.monotonic(), 0.0)
            try:
                outcomes.append(pending.result(left))
            except SecretError as error:
                outcomes.append(error)
        return cast("V_co", _all_or_raise(outcomes))

    def _pending(self) -> tuple[PendingSecret[Any], ...]:
        # That each of Ps is a PendingSecret is what get_secrets declares; a class cannot.
        return cast("tuple[PendingSecret[Any], ...]", self)

    async def _values(self) -> V_co:
        outcomes: list[Any] = []
        for pending in self._pending():
            try:
                outcomes.append(await pending)
            except SecretError as error:  # all of them are wanted
                outcomes.append(error)
        return cast("V_co", _all_or_raise(outcomes))


def _all_or_raise(outcomes: list[Any]) -> tuple[Any, ...]:
    failures: dict[str, SecretError] = {}
    for error in outcomes:
        if isinstance(error, SecretError):
            failures[error.secret_id] = _joined(failures.get(error.secret_id), error)
    if not failures:
        return tuple(outcomes)
    # The error's traceback leads to frames that hold these.
    outcomes.clear()
    if len(failures) == 1:
        raise next(iter(failures.values()))
    raise SecretsFailedError.of(failures)


def _joined(known: SecretError | None, error: SecretError) -> SecretError:
    """Return both faults of one secret as one: it may be read in several shapes, and all fail."""
    if known is None:
        # A fresh one: what was caught holds on to the frames it was raised through.
        return error.fresh()
    if str(error) in str(known):
        return known
    return type(known)(f"{known}\n{error}", secret_id=known.secret_id, code=known.code)
