"""The handles: what was asked for, to be awaited from any loop or thread, as often as you like."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, TypeVarTuple, cast

from core_backend.errors import (
    CoreBackendError,
    SecretError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretsFailedError,
    SecretTimeoutError,
)
from core_backend.values import SecretText, read

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from core_backend._engine.cache import Entry
    from core_backend._engine.flight import Flight
    from core_backend.sources import SecretRequest

__all__ = ["PendingSecret", "SecretBatch", "SecretOrDefault"]

T_co = TypeVar("T_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)
Ps = TypeVarTuple("Ps")

_ABSENT = (SecretNotFoundError, SecretNotSetError)


class _NotText:
    """Base of what must not be used as a value: ``str()``, f-strings and ``%s`` of it raise."""

    __slots__ = ()

    _misuse: str

    def __str__(self) -> NoReturn:
        """Refuse.

        Raises:
            TypeError: Always.
        """
        raise TypeError(self._misuse)

    def __format__(self, spec: str) -> NoReturn:
        """Refuse.

        Raises:
            TypeError: Always.
        """
        raise TypeError(self._misuse)


class PendingSecret(_NotText, Generic[T_co]):
    """One secret that was asked for: its fetch is under way, or its value at hand.

    Await it as often as you like, from any loop or thread: a value past its ttl is asked for
    again. ``result()`` does the same for sync code. A handle that is never awaited
    causes no cost and no warning.

    It is not the value. ``str()``, f-strings and ``%s`` raise ``TypeError``, so that no handle is
    sent in the place of a password.
    """

    __slots__ = ("_answer", "_fresh", "_parse", "_request")

    _misuse = (
        "this is a PendingSecret, not the secret's value; await it, or call its .result() "
        "(its repr, as in f'{pending!r}', shows the secret's name)"
    )

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

    def result_with_version(self, timeout: float | None = None) -> tuple[T_co, str]:
        """Do what ``with_version`` does, for sync code: block until the value is there.

        Args:
            timeout: How many seconds to wait at most.

        Raises:
            SecretTimeoutError: It was not there in time; its fetch goes on.
            SecretError: It could not be had; see ``core_backend.errors``.
        """
        value, version = self._wait_blocking(timeout)
        return self._read(value), version

    def __repr__(self) -> str:
        """Return which secret it is, and no more."""
        return f"<PendingSecret {self._request.label!r}>"

    def _steps(self) -> Generator[tuple[Flight, float], None, tuple[Any, str]]:
        """Yield each flight to wait for, and how long. Return the stored value and its version."""
        # The engine is imported when it is first needed.
        from core_backend._engine.delivery import deliver  # noqa: PLC0415
        from core_backend._engine.flight import SPENT  # noqa: PLC0415
        from core_backend._engine.process import get_store  # noqa: PLC0415

        store = get_store()
        try:
            steps = deliver(store, self._request, self._answer, fresh=self._fresh)
            entry, value = yield from steps
        except CoreBackendError:
            # The error was raised. If the handle is awaited again, it asks again.
            self._answer = SPENT
            raise
        self._answer = entry
        return value, entry.version_id

    async def _wait(self) -> tuple[Any, str]:
        steps = self._steps()
        try:
            while True:
                flight, seconds = next(steps)
                await flight.wait(seconds)
        except StopIteration as found:
            return cast("tuple[Any, str]", found.value)

    def _wait_blocking(self, timeout: float | None) -> tuple[Any, str]:
        end = math.inf if timeout is None else time.monotonic() + timeout
        steps = self._steps()
        try:
            while True:
                flight, seconds = next(steps)
                left = end - time.monotonic()
                flight.wait_blocking(min(seconds, left))
                if flight.landed_at is None and left < seconds:
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


class SecretOrDefault(PendingSecret[T_co]):
    """A secret that may not exist: if it does not, or has no value, a default takes its place.

    Args:
        pending: The secret that was asked for.
        default: What to return in its place. Its version is an empty text.
    """

    __slots__ = ("_default",)

    def __init__(self, pending: PendingSecret[T_co], default: Any) -> None:
        handle: Any = pending
        super().__init__(handle._request, handle._answer, handle._parse, handle._fresh)  # noqa: SLF001  # of this class
        self._default = default

    def __await__(self) -> Generator[Any, None, T_co]:
        """Return the value, or the default."""
        try:
            return (yield from super().__await__())
        except _ABSENT:
            return cast("T_co", self._default)

    async def with_version(self) -> tuple[T_co, str]:
        """Return the value and its version, or the default and an empty text."""
        try:
            return await super().with_version()
        except _ABSENT:
            return self._default, ""

    def result(self, timeout: float | None = None) -> T_co:
        """Block until the value is there, and return it, or the default."""
        return self.result_with_version(timeout)[0]

    def result_with_version(self, timeout: float | None = None) -> tuple[T_co, str]:
        """Do what ``with_version`` does, for sync code."""
        try:
            return super().result_with_version(timeout)
        except _ABSENT:
            return self._default, ""


class SecretBatch(_NotText, tuple[*Ps], Generic[V_co, *Ps]):
    """Several secrets that were asked for at once: an immutable sequence of ``PendingSecret``.

    Unpack it for the single handles, or await it for all the values, in argument order. ``str()``,
    f-strings and ``%s`` raise ``TypeError``, as they do of what awaiting it returns.
    """

    __slots__ = ()

    _misuse = (
        "this is a batch of secrets that were asked for, not a value; await it and unpack the "
        "values: [a, b] = await get_secrets(A, B)"
    )

    def __await__(self) -> Generator[Any, None, V_co]:
        """Return the values as a tuple, in argument order.

        Raises:
            SecretError: The one that failed; ``SecretsFailedError`` where several did. The good
                ones are cached all the same.
        """
        # Without a coroutine, where all are hits; inlined, as in a single handle's.
        values: list[Any] = []
        handles: Any = self
        wall = monotonic = 0.0
        for pending in handles:
            answer = pending._answer  # noqa: SLF001  # of this module, as below
            if not wall:
                wall, monotonic = answer.wall(), answer.monotonic()
            value = answer.young_value(wall, monotonic)
            if value.__class__ is not SecretText or pending._parse is not None:  # noqa: SLF001
                # An error's frames must not keep the values either.
                values.clear()
                del value
                return (yield from self._values().__await__())
            values.append(value)
        all_values: Any = _Values(values)
        all_values.handles = self
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
        return self._all_or_raise(outcomes)

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
        return self._all_or_raise(outcomes)

    def _all_or_raise(self, outcomes: list[Any]) -> V_co:
        failures: dict[str, SecretError] = {}
        for error in outcomes:
            if isinstance(error, SecretError):
                failures[error.secret_id] = _join(failures.get(error.secret_id), error)
        if not failures:
            values: Any = _Values(outcomes)
            values.handles = self
            return cast("V_co", values)
        # The error's traceback leads to frames that hold these.
        outcomes.clear()
        if len(failures) == 1:
            # Taken out, since its traceback leads here too, and it would keep itself.
            raise failures.popitem()[1]
        raise SecretsFailedError.of(failures)


class _Values(_NotText, tuple[Any, ...]):  # noqa: SLOT001  # a tuple's class can have no slots
    """The values of a batch: a tuple whose ``repr`` shows the secrets' names.

    Attributes:
        handles: The batch.
    """

    handles: SecretBatch[Any, *tuple[Any, ...]]

    _misuse = (
        "these are the values of a batch in a tuple, not one value; unpack them: "
        "[a, b] = await get_secrets(A, B), or await get_secret(A) for a single one"
    )

    def __repr__(self) -> str:
        """Return which secrets' values these are, and no more."""
        return f"<values of {self.handles!r}>"


def _join(known: SecretError | None, error: SecretError) -> SecretError:
    """Return both faults of one secret as one: if read in several shapes, it can fail in each."""
    if known is None:
        # A fresh one: what was caught holds on to the frames it was raised through.
        return error.fresh()
    if str(error) in str(known):
        return known
    return type(known)(f"{known}\n{error}", secret_id=known.secret_id, code=known.code)
