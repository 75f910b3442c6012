"""A test's clock moves as the clocks of an environment do, and only when it is told to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from core_backend._clock import age, moment
from core_backend.testing.clock import FakeClock

if TYPE_CHECKING:
    from core_backend._clock import Clock


def read(clock: Clock) -> tuple[float, float]:
    return clock.wall(), clock.monotonic()


def test_it_stands_still():
    clock = FakeClock(wall=5.0, monotonic=7.0)
    assert read(clock) == read(clock) == (5.0, 7.0)


def test_both_clocks_advance_together():
    clock = FakeClock(wall=5.0, monotonic=7.0)
    clock.advance(2.5)
    assert read(clock) == (7.5, 9.5)


def test_each_clock_advances_alone():
    clock = FakeClock(wall=5.0, monotonic=7.0)
    clock.advance_wall(-1.0)
    clock.advance_monotonic(1.0)
    assert read(clock) == (4.0, 8.0)


def test_monotonic_time_does_not_run_backwards():
    with pytest.raises(ValueError, match="does not run backwards"):
        FakeClock().advance_monotonic(-0.1)


def test_a_freeze_is_seen_by_the_wall_clock_alone():
    clock = FakeClock(wall=5.0, monotonic=7.0)
    clock.freeze(60.0)
    assert read(clock) == (65.0, 7.0)


def test_a_restore_starts_monotonic_time_anew():
    clock = FakeClock()
    before = moment(clock)
    clock.restore(60.0)
    assert clock.monotonic() == 0.0
    assert age(before, moment(clock)) == math.inf


async def test_a_sleep_passes_at_once_and_is_noted():
    clock = FakeClock(wall=5.0, monotonic=7.0)
    await clock.sleep(30.0)
    await clock.sleep(0.5)
    assert clock.sleeps == [30.0, 0.5]
    assert read(clock) == (35.5, 37.5)
