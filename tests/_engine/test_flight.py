"""One fetch under way, and its waiters."""

from __future__ import annotations

import asyncio
import math
import threading

import pytest

from core_backend._clock import Moment, Sent, SystemClock
from core_backend._engine.cache import Entry
from core_backend._engine.flight import Flight, Flights
from core_backend.errors import ConfigurationError, SecretUnavailableError
from core_backend.sources.protocol import SecretRequest, SecretValue
from core_backend.values import SecretText

REQUEST = SecretRequest("a")
NOW = Moment(1000.0, 100.0)


def entry() -> Entry:
    fetched = SecretValue(SecretText("pl4nted"), "v0")
    return Entry(REQUEST, fetched, Sent(NOW, 1), SystemClock(), 0.0)


def test_a_landed_flight_keeps_nobody_waiting() -> None:
    flight = Flight.failed(REQUEST, SecretUnavailableError("no", secret_id="a"), NOW)
    assert asyncio.run(flight.wait(0))
    assert flight.wait_blocking(0)


async def test_waiting_ends_with_the_time_allowed() -> None:
    flight = Flight(REQUEST, NOW)
    assert not await flight.wait(0.001)
    assert not await flight.wait(-1)
    assert not flight.wait_blocking(-1)


def test_to_await_it_without_asyncio_is_an_error_that_says_what_does_without() -> None:
    waiting = Flight(REQUEST, NOW).wait(1)
    with pytest.raises(ConfigurationError, match=r"'a': .* asyncio event loop.* \.result\(\)"):
        waiting.send(None)


def test_threads_and_loops_are_woken_together() -> None:
    flight = Flight(REQUEST, NOW)
    woken: list[bool] = []
    waiting = threading.Semaphore(0)

    async def wait() -> None:
        task = asyncio.ensure_future(flight.wait(float("inf")))
        await asyncio.sleep(0)
        waiting.release()
        woken.append(await task)

    def block() -> None:
        waiting.release()
        woken.append(flight.wait_blocking(float("inf")))

    threads = [threading.Thread(target=asyncio.run, args=(wait(),)) for _ in range(2)]
    threads += [threading.Thread(target=block) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        waiting.acquire(timeout=10)
    flight.land(entry(), NOW)
    for thread in threads:
        thread.join(10)
    assert woken == [True] * 4


def test_a_loop_that_died_meanwhile_keeps_nobody_else_from_being_woken() -> None:
    flight = Flight(REQUEST, NOW)
    dead = asyncio.new_event_loop()
    task = dead.create_task(flight.wait(float("inf")))
    dead.run_until_complete(asyncio.sleep(0))
    task.cancel()
    dead.run_until_complete(asyncio.sleep(0))
    dead.close()

    async def wait() -> bool:
        later = asyncio.ensure_future(flight.wait(float("inf")))
        await asyncio.sleep(0)
        flight.land(entry(), NOW)
        return await later

    assert asyncio.run(wait())


@pytest.mark.parametrize(
    ("started", "counts"), [(NOW, True), (Moment(994.0, 100.0), False), (Moment(999.0, 99.0), True)]
)
def test_a_frozen_flight_does_not_count(started: Moment, counts: bool) -> None:
    assert Flight(REQUEST, started).counts(NOW, longest=5.0) is counts


def test_an_outcome_stands_for_five_seconds_unless_it_is_lost() -> None:
    landed = Flight(REQUEST, NOW)
    landed.land(entry(), NOW)
    failed = Flight.failed(REQUEST, SecretUnavailableError("no", secret_id="a"), NOW)
    for flight in (landed, failed):
        assert flight.counts(Moment(1004.9, 104.9), longest=5.0)
        assert not flight.counts(Moment(1005.0, 105.0), longest=5.0)
    assert landed.entry is not None
    landed.entry.wipe()
    failed.abandoned = True
    for flight in (landed, failed):
        assert not flight.counts(NOW, longest=5.0)


def test_a_flight_that_was_replaced_takes_its_successor_along_with_nothing() -> None:
    flights = Flights(10)
    old, new = Flight(REQUEST, NOW), Flight(REQUEST, NOW)
    flights.add(old)
    flights.add(new)
    flights.remove(old)
    assert flights.joinable(REQUEST, NOW, 5.0, fresh=False) is new


def test_an_abandoned_fetch_past_the_cache_is_shared_with_nobody() -> None:
    flights = Flights(10)
    flight = Flight(REQUEST, NOW, fresh=True)
    flights.add(flight)
    flights.abandon(wake=True)
    flight.land(entry(), NOW)
    flights.remove(flight)
    assert flights.joinable(REQUEST, NOW, 5.0, fresh=True) is None


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("other", [False, True])
def test_a_frozen_flight_is_begun_anew_unless_another_has_taken_its_place(
    fresh: bool, other: bool
) -> None:
    flights = Flights(10)
    frozen, later = Flight(REQUEST, NOW, fresh=fresh), Moment(NOW.wall + 60, NOW.monotonic)
    flights.add(frozen)
    assert flights.joinable(REQUEST, later, 5.0, fresh=fresh) is None
    assert flights.begin_anew(frozen, later, 5.0)
    assert flights.begin_anew(frozen, later, 5.0)
    assert flights.joinable(REQUEST, later, 5.0, fresh=fresh) is frozen

    much_later = Moment(NOW.wall + 120, NOW.monotonic)
    flights.add(Flight(REQUEST, much_later, fresh=other))
    assert not flights.begin_anew(frozen, much_later, 5.0)
    # Less than anybody has left.
    assert frozen.allowed == -math.inf


def test_who_is_forsaken_sleeps_on() -> None:
    flight = Flight(REQUEST, NOW)
    sleeper = threading.Thread(target=flight.wait_blocking, args=(10,), daemon=True)
    sleeper.start()
    while flight._event is None:
        pass
    asleep = flight._event
    flight.forsake()
    flight.land(entry(), NOW)
    flight.forsake()
    assert not asleep.is_set()
    asleep.set()
    sleeper.join(10)
