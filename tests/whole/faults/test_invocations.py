"""What a handler does to its tasks, or they to it: row 26, under the runtime client."""

from __future__ import annotations

import pytest
from support.faults import Held


@pytest.fixture
def function(deployed):
    return deployed("leaver.handler", env={"EXPECTED": "pl4nted-db"})


@pytest.mark.parametrize(
    ("what", "kind", "message"),
    [
        ("be_cancelled", "CoreBackendError", "the handler was cancelled"),
        ("time_out", "TimeoutError", ""),
    ],
)
def test_row_26_a_handler_that_ends_early_raises_an_ordinary_error_and_the_process_lives(
    function, service, what, kind, message
):
    held = Held()
    service.script(held)
    ended = function.invoke({"do": what})
    assert (ended.error.type, message in ended.error.message) == (kind, True)
    service.wait_for_calls(1)
    held.release()
    first = function.invoke({"do": "look"}).payload
    assert first == {"pid": first["pid"], "tasks": 0, "ran on": [], "right": True}
    function.invoke({"do": what})
    assert function.invoke({"do": "look"}).payload == first
    # What was begun by the one that ended early served all who came later.
    assert len(service.calls) == 1


def test_row_26_no_task_outlives_its_invocation(function, service):
    held = Held()
    service.script(held)
    assert function.invoke({"do": "leave"}).payload == 4
    service.wait_for_calls(1)
    held.release()
    seen = function.invoke({"do": "look"}).payload
    assert seen["tasks"] == 0
    assert sorted(seen["ran on"]) == ["another", "sleeper", "waiter"]
    assert seen["right"]
    assert len(service.calls) == 1


def test_row_26_a_task_that_will_not_end_is_named_and_waited_for_once(function, service):
    left = function.invoke({"do": "leave_a_mule"})
    assert left.error is None
    assert [line for line in left.log_lines if "mule" in line]
    assert left.duration < 5
    for _ in range(3):
        seen = function.invoke({"do": "look"})
        assert seen.payload["tasks"] == 1
        assert not [line for line in seen.log_lines if "mule" in line]
    assert seen.payload["ran on"] == ["mule", "mule"]
    assert len(service.calls) == 1
