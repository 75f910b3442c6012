"""An environment that is stopped and continued: rows 17 and 18, under the runtime client."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.faults import Held, silent

TIMEOUT = 1.2
STOPPED = 1.6
"""Longer than the whole fetch may take, by more than a slow machine is late."""


@pytest.fixture
def warmed(deployed, service):
    """Deploy a function whose every invocation fetches, with its first connection made."""

    def deploy(**settings):
        env = {f"CORE_BACKEND_{name}": str(value) for name, value in settings.items()}
        function = deployed("reader.handler", env={"CORE_BACKEND_TTL": "0", **env})
        for _ in range(40):
            if function.invoke({"read": ["db"]}).error is None:
                break
            time.sleep(0.25)  # of its cool-down, since loading everything took its time
        service.forget()
        return function

    return deploy


@pytest.fixture
def hasty(warmed):
    return warmed(TIMEOUT=TIMEOUT)


@pytest.fixture
def warm(warmed):
    """One that has all the time of its invocation, and a single attempt, for each fetch."""
    return warmed(ATTEMPTS=1, CONNECT_TIMEOUT=60, READ_TIMEOUT=60, TIMEOUT=60)


def value_of(result, fingerprint):
    assert result.error is None, result.error
    # A stale value would serve as well, and hide what happened.
    assert result.payload["stale"] == 0
    return set(result.payload["values"]) == {fingerprint("pl4nted-db")}


@pytest.mark.parametrize("answered", [True, False], ids=["answered meanwhile", "never answered"])
def test_row_17_a_process_stopped_in_mid_fetch_gets_its_value(
    hasty, service, fingerprint, answered
):
    held = Held()
    service.script(held if answered else silent)
    with ThreadPoolExecutor(1) as caller:
        result = caller.submit(hasty.invoke, {"read": ["db"]})
        service.wait_for_calls(1)
        hasty.freeze()
        held.release()
        time.sleep(STOPPED)
        hasty.thaw()
        assert value_of(result.result(), fingerprint)
    assert len(service.calls) <= 2


def test_row_17_a_fetch_frozen_with_its_environment_keeps_nobody_waiting(
    hasty, service, fingerprint
):
    service.script(silent)
    assert hasty.invoke({"begin": ["db"]}).error is None
    service.wait_for_calls(1)
    hasty.freeze()
    time.sleep(STOPPED)
    # What is asked for now takes the place of what was begun, or shares what that has got since.
    assert value_of(hasty.invoke({"read": ["db"], "fresh": True}), fingerprint)
    assert len(service.calls) <= 2


def test_row_18_a_server_restarted_between_invocations_is_nobodys_error(warm, service, fingerprint):
    for _ in range(3):
        warm.freeze()
        service.restart()
        assert value_of(warm.invoke({"read": ["db"]}), fingerprint)
    assert len(service.calls) == 3


def test_row_18_nor_are_ten_connections_that_died_together(warm, service, fingerprint):
    names = [f"s{n}" for n in range(10)]
    for name in names:
        service.put(name, "pl4nted-db")
    service.latency = 0.05
    assert warm.invoke({"read": names}).error is None
    service.latency = 0
    warm.freeze()
    service.restart()
    service.forget()
    assert value_of(warm.invoke({"read": names}), fingerprint)
    assert 10 <= len(service.calls) <= 20


def test_row_18_a_server_away_for_a_moment_is_waited_for(warmed, service, fingerprint):
    function = warmed(READ_TIMEOUT=1)
    function.freeze()
    service.restart()
    service.script(silent)
    assert value_of(function.invoke({"read": ["db"]}), fingerprint)
    assert len(service.calls) == 2
