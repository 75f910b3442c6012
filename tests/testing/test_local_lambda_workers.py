"""Several workers, and calls that are wrong."""

from __future__ import annotations

import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.handlers import ECHO, ENDS
from support.processes import open_files, wait_until, wait_until_gone

from core_backend.errors import ConfigurationError
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


def test_no_thread_and_no_file_is_left_open(task_root):
    folder = task_root(ENDS)
    with LocalLambda(task_root=folder) as function:
        function.invoke()
    threads, files = threading.active_count(), open_files()
    for _ in range(3):
        with LocalLambda(task_root=folder) as function:
            function.invoke()
            function.invoke("exit")
            function.invoke()
    # A server's threads see that their client is gone a moment later.
    wait_until(lambda: threading.active_count() <= threads)
    wait_until(lambda: open_files() <= files)


def test_outside_its_context_it_says_how_it_is_used(task_root):
    with pytest.raises(ConfigurationError, match="inside its with"):
        LocalLambda(task_root=task_root(ECHO)).invoke()


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere, which is no folder.*'app\.main'"):
        LocalLambda("app.main", task_root=tmp_path / "nowhere")


def test_without_the_runtime_client_the_extra_is_named(task_root, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'core_backend\[local\]'"):
        LocalLambda(task_root=task_root(ECHO))


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_number_that_is_none_of_workers_is_named(task_root, concurrency):
    with pytest.raises(ConfigurationError, match=f"concurrency is {concurrency}, .* 1 or more"):
        LocalLambda(task_root=task_root(ECHO), concurrency=concurrency)


@pytest.mark.parametrize(
    ("env", "told"),
    [({"A": 1}, "'A', with a int where"), ({"A": None}, "'A', with a None"), ({2: "b"}, "has 2,")],
)
def test_a_variable_that_is_no_text_is_named(task_root, env, told):
    with pytest.raises(TypeError, match=told):
        LocalLambda(task_root=task_root(ECHO), env=env)
