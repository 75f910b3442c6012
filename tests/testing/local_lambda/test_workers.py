"""Several workers, and calls that are wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.handlers import ECHO, ENDS
from support.processes import wait_until_gone

from core_backend.testing.local_lambda import LocalLambda

pytestmark = pytest.mark.usefixtures("unmeasured")


def test_several_workers_serve_at_the_same_time(task_root):
    source = """
        import os, time

        def handler(event, context):
            # Each waits for the others: one worker alone would never return.
            open(os.path.join(event, str(os.getpid())), "w").close()
            while len(os.listdir(event)) < 3:
                time.sleep(0.005)
            return [os.getpid(), os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
    """
    folder = task_root(source)
    met = folder / "met"
    met.mkdir()
    with (
        LocalLambda(task_root=folder, concurrency=3, timeout=30) as function,
        ThreadPoolExecutor(3) as pool,
    ):
        payloads = [r.payload for r in pool.map(lambda _: function.invoke(str(met)), range(3))]
    pids = {pid for pid, _ in payloads}
    assert len(pids) == 3
    assert {kind for _, kind in payloads} == {"lambda-managed-instances"}
    for pid in pids:
        wait_until_gone(pid)


@pytest.mark.parametrize("event", ["exit", "leave", "kill"])
def test_a_worker_that_ends_is_an_error_and_the_next_invocation_starts_others(task_root, event):
    with LocalLambda(task_root=task_root(ENDS), concurrency=2, timeout=30) as function:
        function.invoke()
        result = function.invoke(event)
        after = function.invoke()
    assert result.error is not None
    assert result.error.type == "Runtime.ExitError"
    assert result.error.message.endswith("Error: Runtime exited: its worker ended")
    assert result.log_lines == (f"before {event}",)
    assert after.init_duration is not None


def test_one_worker_serves_one_event_at_a_time(task_root):
    with (
        LocalLambda(task_root=task_root(ECHO)) as function,
        ThreadPoolExecutor(8) as pool,
    ):
        results = list(pool.map(function.invoke, range(40)))
    assert [r.payload["event"] for r in results] == list(range(40))
    assert [r.log_lines for r in results] == [(f"got {n}",) for n in range(40)]
    assert sum(r.init_duration is not None for r in results) == 1
