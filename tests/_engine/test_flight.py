"""One fetch under way, and its waiters."""

from __future__ import annotations

import asyncio
import threading

import pytest

from core_backend._clock import Moment, Sent, SystemClock
from core_backend._engine.cache import Entry
from core_backend._engine.flight import Flight, Flights
from core_backend._engine.portal import Lock
from core_backend.errors import ConfigurationError, SecretUnavailableError
from core_backend.sources import SecretRequest, SecretValue
from core_backend.testing.clock import FakeClock
from core_backend.values import SecretText

REQUEST = SecretRequest("a")
NOW = Moment(1000.0, 100.0)


def flight_of(started: Moment = NOW, *, fresh: bool = False) -> Flight:
    return Flight(REQUEST, started, Lock(), fresh=fresh)


def failed() -> Flight:
    flight = flight_of()
    flight.land(SecretUnavailableError("no", secret_id="a"), NOW)
    return flight


def land(flight: Flight) -> None:
    flight.land(entry(), NOW)
    flight.wake()


def entry() -> Entry:
    fetched = SecretValue(SecretText("pl4nted"), "v0")
    return Entry(REQUEST, fetched, Sent(NOW, 1), SystemClock(), 0.0)


def test_a_landed_flight_keeps_nobody_waiting() -> None:
    flight = failed()
    asyncio.run(flight.wait(float("inf")))
    flight.wait_blocking(float("inf"))


async def test_waiting_ends_with_the_time_allowed() -> None:
    flight = flight_of()
    await flight.wait(0.001)
    await flight.wait(-1)
    flight.wait_blocking(-1)
    assert flight.landed_at is None


def test_a_blocking_wait_may_be_longer_than_python_can_count() -> None:
    flight = flight_of()
    threading.Timer(0, land, [flight]).start()
    flight.wait_blocking(1e10)
    assert flight.landed_at is NOW


def test_awaiting_without_asyncio_is_an_error_that_names_result() -> None:
    waiting = flight_of().wait(1)
    with pytest.raises(ConfigurationError, match=r"'a': .* asyncio event loop.* \.result\(\)"):
        waiting.send(None)


def test_threads_and_loops_are_woken_together() -> None:
    flight = flight_of()
    woken: list[bool] = []
    waiting = threading.Semaphore(0)

    async def wait() -> None:
        task = asyncio.ensure_future(flight.wait(float("inf")))
        await asyncio.sleep(0)
        waiting.release()
        await task
        woken.append(flight.landed_at is NOW)

    def block() -> None:
        waiting.release()
        flight.wait_blocking(float("inf"))
        woken.append(flight.landed_at is NOW)

    threads = [threading.Thread(target=asyncio.run, args=(wait(),)) for _ in range(2)]
    threads += [threading.Thread(target=block) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        waiting.acquire(timeout=10)
    land(flight)
    for thread in threads:
        thread.join(10)
    assert woken == [True] * 4


def test_a_closed_loop_does_not_block_other_waiters() -> None:
    flight = flight_of()
    dead = asyncio.new_event_loop()
    task = dead.create_task(flight.wait(float("inf")))
    dead.run_until_complete(asyncio.sleep(0))
    task.cancel()
    dead.run_until_complete(asyncio.sleep(0))
    dead.close()

    async def wait() -> None:
        later = asyncio.ensure_future(flight.wait(float("inf")))
        await asyncio.sleep(0)
        land(flight)
        await later

    asyncio.run(wait())


@pytest.mark.parametrize(
    ("started", "counts"), [(NOW, True), (Moment(994.0, 100.0), False), (Moment(999.0, 99.0), True)]
)
def test_a_frozen_flight_does_not_answer(started: Moment, counts: bool) -> None:
    assert flight_of(started).answers(NOW, longest=5.0) is counts


def test_an_outcome_stands_for_five_seconds_unless_it_is_lost() -> None:
    landed, refused = flight_of(), failed()
    landed.land(entry(), NOW)
    for flight in (landed, refused):
        assert flight.answers(Moment(1004.9, 104.9), longest=5.0)
        assert not flight.answers(Moment(1005.0, 105.0), longest=5.0)
    assert landed.entry is not None
    landed.entry.wipe()
    refused.abandoned = True
    for flight in (landed, refused):
        assert not flight.answers(NOW, longest=5.0)


def test_the_first_outcome_counts() -> None:
    flight = failed()
    flight.land(entry(), NOW)
    assert (flight.entry, type(flight.error)) == (None, SecretUnavailableError)


def test_a_flight_that_ran_out_of_time_is_not_used_again() -> None:
    flight = failed()
    flight.had_seconds = 0.3
    assert not flight.answers(NOW, longest=5.0)


def test_removing_a_replaced_flight_keeps_its_successor() -> None:
    flights = Flights(FakeClock(), 10)
    old, new = flight_of(), flight_of()
    flights.add([old, new])
    flights.remove(old)
    assert flights.find(REQUEST, NOW, 5.0, fresh=False) is new


def test_an_abandoned_fetch_past_the_cache_is_shared_with_nobody() -> None:
    flights = Flights(FakeClock(), 10)
    flight = flight_of(fresh=True)
    flights.add([flight])
    flights.disown()
    flight.land(entry(), NOW)
    flights.remove(flight)
    assert flights.find(REQUEST, NOW, 5.0, fresh=True) is None


@pytest.mark.parametrize("end", [Flights.disown, Flights.drop_waiters])
def test_a_finalizer_may_ask_while_all_flights_are_gone_through(end) -> None:
    flights = Flights(FakeClock(), 10)

    class Interrupted(Flight):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name in {"abandoned", "_waiters"}:
                flights.add([flight_of()])

    flights.add([Interrupted(REQUEST, NOW, Lock()) for _ in range(2)])
    end(flights)


@pytest.mark.parametrize("fresh", [False, True])
def test_nobody_joins_a_frozen_flight(fresh: bool) -> None:
    flights = Flights(FakeClock(), 10)
    frozen, later = flight_of(fresh=fresh), Moment(NOW.wall + 60, NOW.monotonic)
    flights.add([frozen])
    assert flights.find(REQUEST, NOW, 5.0, fresh=fresh) is frozen
    assert flights.find(REQUEST, later, 5.0, fresh=fresh) is None


@pytest.mark.parametrize("wait", [Flight.wait_blocking, lambda f, s: asyncio.run(f.wait(s))])
def test_waiting_under_the_lock_that_landing_needs_raises(wait) -> None:
    flight = flight_of()
    with flight._lock, pytest.raises(SecretUnavailableError, match="signal handler or finalizer"):
        wait(flight, 10)
    # Of one that has landed, the outcome is there.
    landed = failed()
    with landed._lock:
        wait(landed, 10)


def test_dropped_waiters_are_not_woken() -> None:
    flight = flight_of()
    sleeper = threading.Thread(target=flight.wait_blocking, args=(10,), daemon=True)
    sleeper.start()
    while not flight._sleepers:
        pass
    [asleep] = flight._sleepers
    flight.drop_waiters()
    land(flight)
    assert asleep.locked()
    asleep.release()
    sleeper.join(10)
