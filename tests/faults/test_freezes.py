"""An environment that is stopped and continued: rows 17 and 18, under the runtime client."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.faults import Held, silent

TIMEOUT = 0.5
STOPPED = 0.8
"""Longer than the whole fetch may take, by more than a slow machine is late."""


@pytest.fixture
def function(deployed):
    """A function whose every invocation fetches."""
    env = {
        "CORE_BACKEND_TTL": "0",
        "CORE_BACKEND_READ_TIMEOUT": "0.25",
        "CORE_BACKEND_TIMEOUT": str(TIMEOUT),
    }
    return deployed("reader.handler", env=env)


@pytest.fixture
def warm(function, service, fingerprint):
    """The same, with its first connection made and everything loaded."""
    for _ in range(10):
        if function.invoke({"read": ["db"]}).error is None:
            break
    service.forget()
    return function


def value_of(result, fingerprint):
    assert result.error is None, result.error
    [value] = result.payload["values"]
    return value == fingerprint("pl4nted-db")


@pytest.mark.parametrize("answered", [True, False], ids=["answered meanwhile", "never answered"])
def test_row_17_a_process_stopped_in_mid_fetch_gets_its_value(warm, service, fingerprint, answered):
    held = Held()
    service.script(held if answered else silent)
    with ThreadPoolExecutor(1) as caller:
        result = caller.submit(warm.invoke, {"read": ["db"]})
        service.wait_for_calls(1)
        warm.freeze()
        held.release()
        time.sleep(STOPPED)
        warm.thaw()
        assert value_of(result.result(), fingerprint)
    assert len(service.calls) <= 2


def test_row_17_a_fetch_frozen_with_its_environment_keeps_nobody_waiting(
    warm, service, fingerprint
):
    service.script(silent)
    assert warm.invoke({"begin": ["db"]}).error is None
    service.wait_for_calls(1)
    warm.freeze()
    time.sleep(STOPPED)
    # Two: what was begun, and what is asked for now; each at most once more.
    assert value_of(warm.invoke({"read": ["db"]}), fingerprint)
    assert len(service.calls) <= 4


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
    result = warm.invoke({"read": names})
    assert result.error is None
    assert set(result.payload["values"]) == {fingerprint("pl4nted-db")}
    assert 10 <= len(service.calls) <= 20


def test_row_18_a_server_away_for_a_moment_is_waited_for(warm, service, fingerprint):
    warm.freeze()
    service.restart()
    service.script(silent)
    assert value_of(warm.invoke({"read": ["db"]}), fingerprint)
    assert len(service.calls) == 2
