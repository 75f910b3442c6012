"""Age: the larger of what two clocks say, and infinite where one ran backwards."""

from __future__ import annotations

import math
import time

import pytest

from core_backend._clock import Moment, SystemClock, age, moment

THEN = Moment(wall=1_000.0, monotonic=50.0)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (Moment(1_000.0, 50.0), 0.0),
        (Moment(1_007.0, 57.0), 7.0),
        (Moment(1_900.0, 50.0), 900.0),  # frozen: monotonic time stood still
        (Moment(1_000.0, 957.0), 907.0),  # restored with a wall clock that stood still
        (Moment(999.9, 60.0), math.inf),  # somebody set the clock back
        (Moment(1_060.0, 3.0), math.inf),  # another machine, started later
    ],
)
def test_an_age_is_the_larger_of_both_clocks(now, expected):
    assert age(THEN, now) == expected


def test_a_moment_is_read_off_both_clocks():
    clock = SystemClock()
    before = Moment(time.time(), time.monotonic())
    now = moment(clock)
    after = Moment(time.time(), time.monotonic())
    assert before.wall <= now.wall <= after.wall
    assert before.monotonic <= now.monotonic <= after.monotonic


async def test_the_system_clock_waits_at_least_as_long_as_it_is_told():
    clock = SystemClock()
    since = moment(clock)
    await clock.sleep(0.02)
    assert moment(clock).monotonic - since.monotonic >= 0.019
