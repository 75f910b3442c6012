"""Freezing, thawing, and the snapshots of SnapStart."""

from __future__ import annotations

import pytest
from support.processes import state_of

from core_backend.testing.local_lambda import LambdaInitError, LocalLambda

pytestmark = pytest.mark.usefixtures("unmeasured")


def test_a_frozen_process_stands_still_until_it_is_thawed(task_root):
    source = """
        import threading, time

        count = 0

        def run():
            global count
            while True:
                count += 1
                time.sleep(0.0001)

        threading.Thread(target=run, daemon=True).start()

        def handler(event, context):
            return count
    """
    with LocalLambda(task_root=task_root(source)) as function:
        function.invoke()
        function.freeze()
        assert state_of(pid_of(function)) == "T"
        function.thaw()
        assert function.invoke().payload > 0
        function.freeze()
        assert function.invoke().error is None, "an invocation thaws"
        assert state_of(pid_of(function)) != "T"


def pid_of(function: LocalLambda) -> int:
    assert function._running is not None
    return function._running._process._process.pid


def test_freezing_a_process_that_has_ended_returns(task_root):
    source = """
        import os, threading

        def handler(event, context):
            threading.Timer(0.05, os._exit, [5]).start()
            return os.getpid()
    """
    with LocalLambda(task_root=task_root(source)) as function:
        pid = function.invoke().payload
        running = function._running
        assert running is not None
        running._api.wait(lambda: running.ended, 10)
        running.freeze()
        assert state_of(pid) is None


SNAPSHOT = """
    import os
    from snapshot_restore_py import register_after_restore, register_before_snapshot

    print("type", os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"])

    @register_before_snapshot
    def before():
        print("before snapshot")

    @register_after_restore
    def after():
        print("after restore")
        if "FAIL" in os.environ:
            raise ValueError("stale")

    def handler(event, context):
        return "served"
"""


def test_snap_start_waits_at_the_snapshot_until_it_is_restored(task_root):
    with LocalLambda(task_root=task_root(SNAPSHOT), snap_start=True) as function:
        function.start()
        assert function.log_lines == ("type snap-start", "before snapshot")
        function.restore()
        assert function.log_lines[2:] == ("after restore",)
        assert function.invoke().payload == "served"


def test_an_invocation_restores_the_function(task_root):
    with LocalLambda(task_root=task_root(SNAPSHOT), snap_start=True) as function:
        result = function.invoke()
        assert function.log_lines.count("after restore") == 1
    assert result.payload == "served"
    assert result.init_duration is not None


def test_a_restore_that_fails_says_so(task_root):
    with (
        LocalLambda(task_root=task_root(SNAPSHOT), snap_start=True, env={"FAIL": "1"}) as function,
        pytest.raises(LambdaInitError, match="ValueError: stale") as e,
    ):
        function.restore()
    assert "after restore" in e.value.log_lines


def test_a_restore_that_takes_too_long_is_ended(task_root):
    source = """
        import time
        from snapshot_restore_py import register_after_restore

        register_after_restore(time.sleep, 60)

        def handler(event, context):
            return "served"
    """
    with LocalLambda(task_root=task_root(source), snap_start=True) as function:
        function.start()
        function._running._init_timeout = 0.2
        pid = pid_of(function)
        with pytest.raises(LambdaInitError, match=r"not ready after 0\.2 seconds"):
            function.restore()
        assert state_of(pid) is None


def test_a_start_that_waits_at_the_snapshot_ends_with_the_context(task_root):
    with LocalLambda(task_root=task_root(SNAPSHOT), snap_start=True) as function:
        function.start()
        pid = pid_of(function)
    assert state_of(pid) is None
