"""Everything that a function started ends with the block of LocalLambda."""

from __future__ import annotations

import os
import threading

import pytest
from support.handlers import ENDS
from support.processes import open_files, state_of, wait_until, wait_until_gone

from core_backend.testing.local_lambda import LocalLambda, execution
from core_backend.testing.local_lambda.process import LogPipe

pytestmark = pytest.mark.usefixtures("unmeasured")


def test_the_process_ends_with_the_context(task_root):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        pid = function.invoke().payload
    assert state_of(pid) is None


def test_a_frozen_process_ends_with_the_context(task_root):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        pid = function.invoke().payload
        function.freeze()
    assert state_of(pid) is None


def test_a_child_process_that_ignores_sigterm_ends_too(task_root):
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


def test_a_function_that_ignores_sigterm_is_killed(task_root, monkeypatch):
    monkeypatch.setattr(execution, "_GRACE", 0.1)
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


def test_a_function_receives_sigterm(task_root, tmp_path):
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


def test_a_position_counts_everything_that_was_written_before():
    log = LogPipe()
    try:
        for count in range(1, 200):
            os.write(log.write_end, b"line\n")
            assert log.position() == count * 5
        assert log.lines(5, 15) == ("line", "line")
        assert log.lines(0, 0) == ()
    finally:
        log.close()
