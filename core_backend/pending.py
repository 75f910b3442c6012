"""The handles: what was asked for, to be awaited from any loop or thread, as often as you like."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, TypeVarTuple, cast

from core_backend import _state
from core_backend._cache import Entry
from core_backend._reading import read
from core_backend._remaining import remaining_seconds
from core_backend.errors import SecretError, SecretsFailedError, SecretTimeoutError
from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from core_backend._flight import Flight
    from core_backend.sources.protocol import SecretRequest

__all__ = ["PendingSecret", "SecretBatch", "Yields"]

T_co = TypeVar("T_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)
Ps = TypeVarTuple("Ps")


class Yields(Protocol[T_co]):
    """What a secret is asked for by, and the type its value has.

    A ``SecretName[T]`` or ``SecretId[T]`` yields ``T``, a plain ``str`` yields ``str``. A ``str``
    has no type parameter to say so with; for type checkers only, one of its methods stands in.
    """

    def __getnewargs__(self) -> tuple[T_co]: ...

    def casefold(self) -> str:
        """Stand for being a ``str`` at all."""
        ...


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
        answer = self._answer
        if not isinstance(answer, Entry) or not answer.is_usable():
            answer = yield from self._arrival().__await__()
        value: Any = answer.value
        # Inlined, for the sake of a hit: all that read() would do for plain text.
        if self._parse is None and value.__class__ is SecretText:
            return cast("T_co", value)
        return self._read(answer)

    def result(self, timeout: float | None = None) -> T_co:
        """Block until the value is there, and return it. Works inside a running loop as well.

        Args:
            timeout: How many seconds to wait at most.

        Raises:
            SecretTimeoutError: It was not there in time; its fetch goes on.
            SecretError: It could not be had; see ``core_backend.errors``.
        """
        answer = self._current()
        if isinstance(answer, Entry):
            return self._read(answer)
        left = remaining_seconds()
        if timeout is not None and timeout < left:
            if not answer.wait_blocking(timeout):
                raise SecretTimeoutError(
                    f"secret {answer.request.label!r}: not there within {timeout:.3g} s; "
                    f"wait longer, or ask for it earlier",
                    secret_id=answer.request.label,
                )
        else:
            answer.wait_blocking(left)
        return self._read(self._settled(answer))

    def __repr__(self) -> str:
        """Return which secret it is, and no more."""
        return f"<PendingSecret {self._request.label!r}>"

    def _current(self) -> Entry | Flight:
        """Return the answer, or a new one where the first has expired or been forgotten."""
        answer = self._answer
        store = _state.get_store()
        if isinstance(answer, Entry):
            if answer.is_usable():
                return answer
        elif store.counts(answer):
            return answer
        self._fresh = False
        self._answer = answer = store.ask(self._request)
        return answer

    async def _arrival(self) -> Entry:
        answer = self._current()
        if isinstance(answer, Entry):
            return answer
        await answer.wait(remaining_seconds())
        return self._settled(answer)

    def _settled(self, flight: Flight) -> Entry:
        entry = _state.get_store().settle(flight, fresh=self._fresh)
        self._answer = entry
        return entry

    def _read(self, entry: Entry) -> T_co:
        return cast("T_co", read(entry.value, self._parse, self._request.label))


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
        return self._values().__await__()

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
    failures = {error.secret_id: error for error in outcomes if isinstance(error, SecretError)}
    if not failures:
        return tuple(outcomes)
    # Fresh ones: those that were caught hold on to the frames they were raised through.
    if len(failures) == 1:
        raise next(iter(failures.values())).fresh()
    raise SecretsFailedError.of({name: error.fresh() for name, error in failures.items()})
