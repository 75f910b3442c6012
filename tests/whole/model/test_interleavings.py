"""Ten thousand ways in which threads can take turns in the store: none does what must never be.

And the store broken in each way that one of its rules is there to prevent: that is found out.
To have one run once more, as the report of its failure says::

    SEED=4711 python -m pytest tests/whole/model/test_interleavings.py
"""

from __future__ import annotations

import contextlib
import logging
import os
import re

import pytest
from support import simulation
from support.interleavings import Run
from support.judge import Broken

from core_backend._engine import flight, store
from core_backend._engine.cache import Cache
from core_backend._engine.flight import Flight, Flights
from core_backend._engine.store import Store

# An interruption may come between the making of a loop and its being kept.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed event loop:ResourceWarning")


@pytest.fixture(autouse=True)
def simulated(monkeypatch, caplog):
    simulation.installed(monkeypatch)
    # Ten thousand runs serve many a stale value.
    caplog.set_level(logging.ERROR, "core_backend")


@pytest.mark.parametrize("part", range(10))
def test_no_interleaving_breaks_a_rule(part):
    for seed in _seeds(10_000, at_lines=False)[part::10]:
        Run(seed).play()


def test_at_no_line_does_it_matter_who_goes_on():
    for seed in _seeds(300, at_lines=True):
        Run(seed, at_lines=True).play()


def _seeds(usual, *, at_lines):
    if "SEED" not in os.environ:
        return range(usual)
    return [int(os.environ["SEED"])] if at_lines == ("LINES" in os.environ) else []


def test_a_seed_always_makes_the_same_run():
    runs = [Run(seed) for seed in (7, 7, 8)]
    for run in runs:
        run.play()
    first, again, other = (run.trace for run in runs)
    assert first == again != other


# --- the store, broken ----------------------------------------------------------------------


class NoLock(contextlib.nullcontext):
    """What keeps nobody out."""

    def is_held_here(self):
        return False


def nobody_joins(patch):
    patch.setattr(Flights, "find", lambda *_, **__: None)


def nothing_is_locked(patch):
    patch.setattr(store, "Lock", NoLock)


def no_wait_is_locked(patch):
    real = Flight.__init__

    def init(flight, request, started, lock, **options):
        real(flight, request, started, NoLock(), **options)

    patch.setattr(Flight, "__init__", init)


def no_change_of_settings_is_locked(patch):
    real = Store.configure

    def configure(store, settings):
        lock, store.lock = store.lock, NoLock()
        real(store, settings)
        store.lock = lock

    patch.setattr(Store, "configure", configure)


def an_older_reply_replaces_a_newer(patch):
    real = Cache.keep

    def keep(cache, entry):
        for known in cache.entries.values():
            known.order = 0
        return real(cache, entry)

    patch.setattr(Cache, "keep", keep)


def a_refusal_does_not_evict(patch):
    patch.setattr(Cache, "evict", lambda *_: None)


def an_eviction_has_no_order(patch):
    real = Cache.evict

    def evict(cache, key, *args):
        real(cache, key, *args)
        cache._evicted.clear()

    patch.setattr(Cache, "evict", evict)


def an_older_reply_serves_whoever_joined_after_the_refusal(patch):
    real = Cache.keep

    def keep(cache, entry):
        value, outcome = entry.value, real(cache, entry)
        if isinstance(outcome, Exception):
            entry.value, outcome = value, entry
        return outcome

    patch.setattr(Cache, "keep", keep)


def a_clear_disowns_nothing(patch):
    patch.setattr(Flights, "disown", lambda *_: None)


def a_clear_disowns_only_what_can_be_joined(patch):
    real = Flights.disown

    def disown(flights):
        flights._not_landed = set(flights._under_way.values())
        real(flights)

    patch.setattr(Flights, "disown", disown)


def no_loop_is_woken(patch):
    patch.setattr(flight, "_resolve", lambda futures: None)


def no_thread_is_woken(patch):
    patch.setattr(simulation.Sleeper, "release", lambda sleeper: None)


def a_landed_flight_can_be_joined(patch):
    patch.setattr(Flights, "remove", lambda *_: None)


def a_flight_can_be_joined_before_it_started(patch):
    real = Store._launch

    def launch(store, *args, **options):
        flight = real(store, *args, **options)
        store._flights.add([flight])
        return flight

    patch.setattr(Store, "_launch", launch)


def a_flight_that_cannot_start_does_not_land(patch):
    real = Store._start_all

    def start_all(store, call, fault):
        land = Flight.land
        Flight.land = lambda *_: None
        try:
            real(store, call, fault)
        finally:
            Flight.land = land

    patch.setattr(Store, "_start_all", start_all)


def waiting_under_the_lock_is_let_through(patch):
    patch.setattr(Flight, "_check_can_wait", lambda _: None)


@pytest.mark.parametrize(
    ("broken", "found", "at_lines", "first_seed"),
    [
        (nobody_joins, "two fetches in flight", False, 0),
        (nothing_is_locked, "two fetches in flight", False, 0),
        (no_wait_is_locked, "waits for ever", True, 0),
        (
            no_change_of_settings_is_locked,
            "two fetches in flight|changed size|waits for ever|threads are left",
            True,
            430,
        ),
        (an_older_reply_replaces_a_newer, "was seen", False, 0),
        (a_refusal_does_not_evict, "was seen", False, 0),
        (an_eviction_has_no_order, "was seen", False, 1_100),
        (an_older_reply_serves_whoever_joined_after_the_refusal, "was seen", False, 2_590),
        (a_clear_disowns_nothing, "was seen", False, 0),
        (a_clear_disowns_only_what_can_be_joined, "was seen", False, 810),
        (no_loop_is_woken, "waits for ever", False, 0),
        (no_thread_is_woken, "waits for ever", False, 0),
        (a_landed_flight_can_be_joined, "can be joined", False, 0),
        (a_flight_can_be_joined_before_it_started, "waits for ever|can be joined", False, 0),
        (a_flight_that_cannot_start_does_not_land, "waits for ever", False, 0),
        (waiting_under_the_lock_is_let_through, "waits for ever", True, 0),
    ],
)
def test_a_store_that_is_broken_is_found_out(monkeypatch, broken, found, at_lines, first_seed):
    broken(monkeypatch)
    seed, report = _first_broken(at_lines, first_seed)
    assert re.search(found, report.partition("\n")[0])
    with pytest.raises(Broken) as again:
        Run(seed, at_lines=at_lines).play()
    if at_lines:
        # By lines, Python 3.14 may report a line more or less to the tracer, but what is broken is
        # found again.
        assert re.search(found, str(again.value).partition("\n")[0])
    else:
        assert str(again.value) == report


def _first_broken(at_lines, first_seed):
    # From shortly before the seed that found it: some defects show in one run of thousands.
    for seed in (*range(first_seed, 10_000), *range(first_seed)):
        try:
            Run(seed, at_lines=at_lines).play()
        except Broken as broken:
            return seed, str(broken)
    raise AssertionError("nobody noticed")
