"""A handler runs under the real runtime client, and everything that can happen to it comes back."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.processes import open_files, state_of, wait_until, wait_until_gone

from core_backend.errors import ConfigurationError
from core_backend.testing import _execution
from core_backend.testing.local_lambda import (
    InvocationFailedError,
    LambdaInitError,
    LocalLambda,
)

ECHO = """
    import os

    print("loaded")

    def handler(event, context):
        print(f"got {event}")
        return {"event": event, "pid": os.getpid()}
"""
ENVIRONMENT = """
    import os, sys

    def handler(event, context):
        return {"env": dict(os.environ), "path": sys.path, "cwd": os.getcwd()}
"""
# Answers, or comes to the end that the event names.
ENDS = """
    import os, sys, time

    def handler(event, context):
        print("before", event)
        if event == "exit":
            os._exit(7)
        if event == "leave":
            sys.exit()
        if event == "kill":
            os.kill(os.getpid(), 9)
        if event == "hang":
            time.sleep(60)
        if event == "raise":
            raise ValueError("two\\nlines")
        return os.getpid()
"""


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch):
    """These functions are nothing of ours, and are killed in the midst of things."""
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


def test_one_process_serves_all_invocations(task_root):
    with LocalLambda(task_root=task_root(ECHO)) as function:
        results = [function.invoke({"n": n}) for n in range(3)]
    assert [r.payload["event"] for r in results] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert len({r.payload["pid"] for r in results}) == 1
    assert len({r.request_id for r in results}) == 3


def test_only_the_first_invocation_tells_how_long_the_start_took(task_root):
    with LocalLambda(task_root=task_root(ECHO)) as function:
        first, second = function.invoke(), function.invoke()
    assert first.init_duration is not None
    assert first.init_duration > 0
    assert first.duration > 0
    assert second.init_duration is None


def test_each_result_has_the_lines_of_its_own_invocation(task_root):
    with LocalLambda(task_root=task_root(ECHO)) as function:
        first, second = function.invoke(1), function.invoke(2)
        assert function.log_lines == ("loaded", "got 1", "got 2")
    assert (first.log_lines, second.log_lines) == (("got 1",), ("got 2",))


def test_lines_without_an_end_and_bytes_that_are_no_text_come_back_too(task_root):
    source = """
        import os

        def handler(event, context):
            os.write(1, b"no text: \\xff\\n\\nno end")
            os.write(2, b", still none")
    """
    with LocalLambda(task_root=task_root(source)) as function:
        result = function.invoke()
    assert result.log_lines == ("no text: \N{REPLACEMENT CHARACTER}", "", "no end, still none")


def test_a_flood_of_lines_comes_back_whole(task_root):
    source = """
        def handler(event, context):
            for n in range(20_000):
                print(f"line {n}")
    """
    with LocalLambda(task_root=task_root(source)) as function:
        result = function.invoke()
    assert result.log_lines == tuple(f"line {n}" for n in range(20_000))


def test_a_handler_that_raises_gives_an_error_and_lives_on(task_root):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        pid = function.invoke().payload
        result = function.invoke("raise")
        assert function.invoke().payload == pid
    assert result.error is not None
    assert (result.error.type, result.error.message) == ("ValueError", "two\nlines")
    assert "in handler" in result.error.stack_trace[0]
    assert result.log_lines[:3] == ("before raise", "[ERROR] ValueError: two", "lines")


def test_a_payload_that_is_not_there_says_why(task_root):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        result = function.invoke("raise")
    with pytest.raises(
        InvocationFailedError, match=r"(?s)ValueError: two\nlines.*before raise"
    ) as e:
        _ = result.payload
    assert e.value.result is result


def test_a_response_that_is_no_json_comes_as_bytes(task_root):
    with LocalLambda(task_root=task_root("def handler(event, context): return b'raw'")) as function:
        assert function.invoke().body == b"raw"


def test_a_response_that_cannot_be_sent_is_an_error(task_root):
    with LocalLambda(task_root=task_root("def handler(event, context): return {1, 2}")) as function:
        error = function.invoke().error
    assert error is not None
    assert error.type == "Runtime.MarshalError"


@pytest.mark.parametrize(
    ("event", "how"),
    [
        ("exit", "Runtime exited with error: exit status 7"),
        ("leave", "Runtime exited without providing a reason"),
        ("kill", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_is_an_error_and_the_next_invocation_starts_another(
    task_root, event, how
):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        pid = function.invoke().payload
        result = function.invoke(event)
        after = function.invoke()
    assert result.error is not None
    assert result.error.type == "Runtime.ExitError"
    assert result.error.message == f"RequestId: {result.request_id} Error: {how}"
    assert result.log_lines[0] == f"before {event}"
    assert after.payload != pid
    assert after.init_duration is not None


def test_a_timeout_is_an_error_and_ends_the_process(task_root):
    with LocalLambda(task_root=task_root(ENDS), timeout=20) as function:
        pid = function.invoke().payload
        result = function.invoke("hang", timeout=1)
        assert state_of(pid) is None
        assert function.invoke().payload != pid
    assert result.error is not None
    assert result.error.type == "Sandbox.Timedout"
    assert result.error.message.endswith("Task timed out after 1.00 seconds")
    assert result.duration > 0
    assert result.log_lines == ("before hang",)


def test_the_context_has_the_deadline_and_the_functions_names(task_root):
    source = """
        def handler(event, context):
            return [context.get_remaining_time_in_millis(), context.aws_request_id,
                    context.invoked_function_arn, context.function_name]
    """
    with LocalLambda(
        task_root=task_root(source), timeout=30, function_name="charge", region="eu-west-1"
    ) as function:
        result = function.invoke()
    left, request_id, arn, name = result.payload
    assert 20_000 < left <= 30_000
    assert request_id == result.request_id
    assert arn == "arn:aws:lambda:eu-west-1:123456789012:function:charge"
    assert name == "charge"


def test_the_function_sees_lambdas_environment_and_none_of_the_developers(task_root, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "developer")
    monkeypatch.setenv("STRIPE_API_KEY", "of another test")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    folder = task_root(ENVIRONMENT)
    with LocalLambda(task_root=folder, env={"LEVEL": "high"}, region="eu-west-1") as function:
        payload = function.invoke().payload
    env = payload["env"]
    assert "AWS_PROFILE" not in env
    assert "STRIPE_API_KEY" not in env
    assert env["LEVEL"] == "high"
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert env["AWS_LAMBDA_FUNCTION_NAME"] == "local"
    assert env["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python3.{sys.version_info.minor}"
    assert env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert env["_HANDLER"] == "handler.handler"
    assert env["LAMBDA_TASK_ROOT"] == payload["cwd"] == payload["path"][0] == str(folder)


def test_folders_on_the_path_are_found_from_the_task_root_too(task_root, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"here{os.pathsep}there")
    with LocalLambda(task_root=task_root(ENVIRONMENT)) as function:
        path = function.invoke().payload["path"]
    assert path[1:3] == [str(Path("here").resolve()), str(Path("there").resolve())]


def test_a_module_that_cannot_be_loaded_says_so_with_what_was_written(task_root):
    folder = task_root("print('on the way')\nimport nowhere_to_be_found")
    with (
        LocalLambda(task_root=folder) as function,
        pytest.raises(LambdaInitError, match=r"No module named 'nowhere_to_be_found'") as e,
    ):
        function.invoke()
    assert e.value.report.type == "Runtime.ImportModuleError"
    assert e.value.log_lines[0] == "on the way"
    assert "  on the way" in str(e.value)


def test_a_process_that_ends_on_the_way_says_how(task_root):
    with (
        LocalLambda(task_root=task_root("import os; os._exit(4)")) as function,
        pytest.raises(LambdaInitError, match=r"exit status 4$") as e,
    ):
        function.start()
    assert e.value.report.type == "Runtime.ExitError"


def test_a_start_that_takes_too_long_is_ended(task_root, monkeypatch):
    started = []

    class Noted(_execution.LambdaProcess):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self._process.pid)

    monkeypatch.setattr(_execution, "LambdaProcess", Noted)
    folder = task_root("import time; time.sleep(60)")
    with LocalLambda(task_root=folder, init_timeout=0.2) as function:
        with pytest.raises(LambdaInitError, match=r"not ready after 0\.2 seconds"):
            function.start()
        assert [state_of(pid) for pid in started] == [None]


def test_a_failed_start_can_be_repeated(task_root):
    with LocalLambda(task_root=task_root("def handler(")) as function:
        with pytest.raises(LambdaInitError, match=r"Runtime\.UserCodeSyntaxError"):
            function.invoke()
        task_root(ECHO)
        assert function.invoke(1).payload["event"] == 1


def test_the_process_ends_with_the_context(task_root):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        pid = function.invoke().payload
    assert state_of(pid) is None


def test_the_process_ends_with_the_context_also_when_frozen(task_root):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        pid = function.invoke().payload
        function.freeze()
    assert state_of(pid) is None


def test_what_the_function_started_ends_with_it_whatever_it_ignores(task_root):
    source = """
        import subprocess

        def handler(event, context):
            started = subprocess.Popen(
                ["sh", "-c", "trap '' TERM; echo ready; sleep 60"], stdout=subprocess.PIPE
            )
            started.stdout.readline()
            return started.pid
    """
    with LocalLambda(task_root=task_root(source)) as function:
        pid = function.invoke().payload
    wait_until_gone(pid)


def test_a_function_that_minds_being_asked_to_end_is_killed(task_root, monkeypatch):
    monkeypatch.setattr(_execution, "_GRACE", 0.1)
    source = """
        import os, signal, threading, time

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # Python waits for such a thread before it ends.
        threading.Thread(target=time.sleep, args=[60]).start()

        def handler(event, context):
            return os.getpid()
    """
    with LocalLambda(task_root=task_root(source)) as function:
        pid = function.invoke().payload
    assert state_of(pid) is None


def test_a_function_hears_that_it_is_asked_to_end(task_root, tmp_path):
    source = """
        import os, pathlib, signal

        def note(*_):
            pathlib.Path(os.environ["NOTE"]).write_text("heard")
            os._exit(0)

        signal.signal(signal.SIGTERM, note)

        def handler(event, context):
            pass
    """
    note = tmp_path / "note"
    with LocalLambda(task_root=task_root(source), env={"NOTE": str(note)}) as function:
        assert function.invoke().error is None
    assert note.read_text(encoding="utf-8") == "heard"


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


def test_an_invocation_restores_by_itself(task_root):
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
