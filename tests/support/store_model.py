"""What the store is to do, written down a second time and as simply as can be: from the design.

No threads, no loops, no locks: each thing that happens is a method, and what every waiter gets is
known when it returns. Values and failures are told by the number of the call they came from.
"""

from __future__ import annotations

import dataclasses
import math

__all__ = ["Flight", "StoreModel"]

TRANSIENT = ("throttled", "unavailable", "timeout")
EVICTING = ("denied", "deleted", "missing", "undecipherable")
REMEMBERED = (*EVICTING, "empty")

Moment = tuple[float, float]


@dataclasses.dataclass
class Outcome:
    """What came of a call: a value, where the kind is that, or a failure."""

    kind: str
    number: int
    sent: Moment


@dataclasses.dataclass
class Failure:
    """A failure that answers for itself for a while."""

    outcome: Outcome
    ends: float
    in_a_row: int


@dataclasses.dataclass(eq=False)
class Flight:
    """One fetch, of up to so many calls."""

    key: str
    fresh: bool
    started: Moment
    ends: float
    tries: int = 0
    call: Outcome = dataclasses.field(default_factory=lambda: Outcome("", 0, (0.0, 0.0)))
    disowned: bool = False
    landed: Moment = (0.0, 0.0)
    waiters: dict[int, bool] = dataclasses.field(default_factory=dict)


class Known:
    """What is known of one secret."""

    def __init__(self) -> None:
        self.value: Outcome | None = None
        self.failure: Failure | None = None
        self.refusal: Outcome | None = None
        self.shared: Flight | None = None


class StoreModel:
    """The store, as the design has it."""

    attempts = 2
    timeout = 5.0

    def __init__(self) -> None:
        self.ttl = 300.0
        self.max_stale = 3_600.0
        self.wall = self.monotonic = 10_000.0
        self._elapsed = 0.0
        """The seconds that have passed by whichever clock saw more of them."""
        self.calls = 0
        self.known: dict[str, Known] = {}
        self.flights: list[Flight] = []
        self.got: dict[int, tuple[str, int]] = {}
        """What each waiter got: a kind, and the number of the call it came from."""

    # --- what happens ---------------------------------------------------------------------------

    def ask(self, waiter: int, key: str, *, fresh: bool) -> None:
        known = self.known.setdefault(key, Known())
        value, failure = known.value, self._failure(known)
        if not fresh and value is not None and self._age(value.sent) < self.ttl:
            due = self._age(value.sent) >= 0.8 * self.ttl
            if due and failure is None and self._joinable(key, fresh=False) is None:
                self._launch(key, fresh=False)
            self._give(waiter, value)
        elif failure is not None and (failure.outcome.kind in TRANSIENT or not fresh):
            self._settle(waiter, failure.outcome, known, fresh=fresh)
        elif (flight := self._joinable(key, fresh=fresh)) is not None:
            flight.waiters[waiter] = fresh
        elif fresh and known.shared is not None and self._age(known.shared.landed) < 1.0:
            self._share(waiter, key, known, known.shared.call)
        else:
            self._launch(key, fresh=fresh).waiters[waiter] = fresh

    def answer(self, flight: Flight, kind: str) -> None:
        """Let the service answer the flight's call."""
        flight.call.kind = kind
        if kind in TRANSIENT and flight.tries < self.attempts and self.monotonic < flight.ends:
            self._send(flight)
        else:
            self._land(flight)

    def cancel(self, waiter: int) -> None:
        for flight in self.flights:
            flight.waiters.pop(waiter, None)

    def clear(self) -> None:
        for flight in self.flights:
            flight.disowned = True
        self.known.clear()

    def advance(self, seconds: float) -> None:
        end = self.monotonic + seconds
        for flight in sorted(self.flights, key=lambda flight: flight.ends):
            if flight.ends <= end:
                self._pass(flight.ends - self.monotonic)
                self.answer(flight, "timeout")
        self._pass(end - self.monotonic)

    def set_wall_clock(self, seconds: float) -> None:
        self.wall += seconds
        # One that was set back makes every failure old.
        self._elapsed += seconds if seconds > 0 else 1e9

    # --- what follows ---------------------------------------------------------------------------

    def _pass(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds
        self._elapsed += seconds

    def _now(self) -> Moment:
        return self.wall, self.monotonic

    def _age(self, since: Moment) -> float:
        """The larger of the two; a clock that ran backwards makes everything old."""
        wall, monotonic = self.wall - since[0], self.monotonic - since[1]
        return max(wall, monotonic) if wall >= 0 and monotonic >= 0 else math.inf

    def _known_age(self, since: Moment) -> float:
        """The larger of the two; a clock that was set back says nothing."""
        age = max(self.wall - since[0], self.monotonic - since[1])
        return age if age >= 0 else math.inf

    def _failure(self, known: Known) -> Failure | None:
        failure = known.failure
        return failure if failure and self._elapsed < failure.ends else None

    def _joinable(self, key: str, *, fresh: bool) -> Flight | None:
        """An ordinary fetch first; but who asks past the cache needs one that goes past it."""
        for kind in (True,) if fresh else (False, True):
            mine = [
                flight
                for flight in self.flights
                if (flight.key, flight.fresh, flight.disowned) == (key, kind, False)
            ]
            if mine and self._age(mine[-1].started) <= self.timeout:
                return mine[-1]
        return None

    def _launch(self, key: str, *, fresh: bool) -> Flight:
        flight = Flight(key, fresh, self._now(), self.monotonic + self.timeout)
        self.flights.append(flight)
        self._send(flight)
        return flight

    def _send(self, flight: Flight) -> None:
        self.calls += 1
        flight.tries += 1
        flight.call = Outcome("", self.calls, self._now())

    def _land(self, flight: Flight) -> None:
        self.flights.remove(flight)
        flight.landed = self._now()
        known = self.known.setdefault(flight.key, Known())
        if not flight.disowned:
            if flight.call.kind == "value":
                flight.call = self._kept(known, flight.call)
            else:
                self._failed(known, flight.call)
            if flight.fresh:
                known.shared = flight
        for waiter, fresh in flight.waiters.items():
            self._settle(waiter, flight.call, known, fresh=fresh)

    def _kept(self, known: Known, value: Outcome) -> Outcome:
        """Return what a value comes to: something newer may be known."""
        if known.value is not None and known.value.number > value.number:
            return known.value
        if known.refusal is not None and known.refusal.number > value.number:
            return known.refusal
        if known.failure is not None and known.failure.outcome.number < value.number:
            known.failure = None
        known.value = value
        return value

    def _failed(self, known: Known, failed: Outcome) -> None:
        newer = known.value is not None and known.value.number > failed.number
        if failed.kind in EVICTING:
            known.value = known.value if newer else None
            if known.refusal is None or known.refusal.number < failed.number:
                known.refusal = failed
        if newer:
            return
        in_a_row = known.failure.in_a_row + 1 if known.failure else 1
        if failed.kind in TRANSIENT:
            seconds = min(2.0 ** (in_a_row - 1), 30.0)
        elif failed.kind in REMEMBERED:
            seconds = 5.0
        else:
            return
        known.failure = Failure(failed, self._elapsed + seconds, in_a_row)

    def _share(self, waiter: int, key: str, known: Known, call: Outcome) -> None:
        if call.kind == "value" and known.value is not call:
            # Something newer took its place, and it is gone.
            self.ask(waiter, key, fresh=False)
        else:
            self._settle(waiter, call, known, fresh=True)

    def _settle(self, waiter: int, call: Outcome, known: Known, *, fresh: bool) -> None:
        stale = known.value
        serves = stale is not None and self._known_age(stale.sent) < self.ttl + self.max_stale
        if call.kind in TRANSIENT and not fresh and stale is not None and serves:
            self._give(waiter, stale)
        else:
            self._give(waiter, call)

    def _give(self, waiter: int, call: Outcome) -> None:
        self.got[waiter] = call.kind, call.number
