"""With the context everything ends: processes, what they started, threads, files."""

from __future__ import annotations

import pytest
from support.handlers import ENDS
from support.processes import state_of, wait_until_gone

from core_backend.testing import _execution
from core_backend.testing.local_lambda import LocalLambda

pytestmark = pytest.mark.usefixtures("unmeasured")


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
