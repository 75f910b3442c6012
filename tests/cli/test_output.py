"""Many calls at once: results in order, and no new call after a failure."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core_backend.cli.output import concurrently


def test_results_are_in_the_order_of_the_items():
    assert concurrently("Counting", str, list(range(30))) == [str(number) for number in range(30)]


@pytest.mark.parametrize("count", [5, 40])
def test_no_call_starts_after_a_failure(count, monkeypatch):
    begun, told_to_end = [], threading.Event()

    class Pool(ThreadPoolExecutor):
        """Tells when it has been told to end, and what waits there was cancelled."""

        def shutdown(self, **settings):
            super().shutdown(**{**settings, "wait": False})
            told_to_end.set()
            super().shutdown(**settings)

    def call(number):
        begun.append(number)
        if number == 0:
            raise ValueError(number)
        assert told_to_end.wait(20)

    monkeypatch.setattr("core_backend.cli.output.ThreadPoolExecutor", Pool)

    with pytest.raises(ValueError, match="0"):
        concurrently("Counting", call, list(range(count)))

    # Ten are under way at once, and one more has taken the place of that which failed.
    assert len(begun) <= 11
