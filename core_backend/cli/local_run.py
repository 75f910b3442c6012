"""Events for a function on this machine, and what came of them when."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from core_backend.testing.local_lambda import InvocationFailedError

if TYPE_CHECKING:
    from core_backend.testing.local_lambda import InvocationResult, LocalLambda

__all__ = ["Invocation", "Moment", "play"]


class Moment(NamedTuple):
    """Something that happened."""

    at: float
    """By ``time.monotonic()``."""
    what: str


class Invocation(NamedTuple):
    """One event, and what the function made of it."""

    number: int
    sent: float
    answered: float
    result: InvocationResult

    @property
    def failed(self) -> bool:
        """Whether the function answered with an error, or not at all."""
        return self.result.error is not None

    @property
    def text(self) -> str:
        """The answer, as it is where it is no JSON; or the error, whose stack is in the log."""
        if (error := self.result.error) is not None:
            return f"{error.type}: {error.message}"
        try:
            return json.dumps(self.result.payload, indent=2, ensure_ascii=False)
        except InvocationFailedError:
            # Decoded as a value of bytes is where it is masked.
            return self.result.body.decode("utf-8", "replace")


def play(
    function: LocalLambda, event: object, *, repeat: int, together: int, snap_start: bool
) -> tuple[list[Moment], list[Invocation]]:
    """Start a function, and send it ``together`` events at once, ``repeat`` times.

    Raises:
        LambdaInitError: It does not start.
    """
    moments = [Moment(time.monotonic(), "the function starts")]
    function.start()
    if snap_start:
        moments.append(Moment(time.monotonic(), "it has started, and is restored from a snapshot"))
        function.restore()
        moments.append(Moment(time.monotonic(), "it is restored"))
    else:
        moments.append(Moment(time.monotonic(), "it has started"))

    def invoke(number: int) -> Invocation:
        sent = time.monotonic()
        result = function.invoke(event)
        return Invocation(number, sent, time.monotonic(), result)

    invocations: list[Invocation] = []
    with ThreadPoolExecutor(together) as pool:
        for first in range(1, repeat * together + 1, together):
            # All of these are answered before the next are sent.
            invocations += pool.map(invoke, range(first, first + together))
    for one in invocations:
        moments.append(Moment(one.sent, f"invocation {one.number} is sent"))
        moments.append(Moment(one.answered, f"invocation {one.number} is answered"))
    return moments, invocations
