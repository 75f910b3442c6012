"""The guard itself: that nothing leaks is worth what it would have noticed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
import threading
import traceback
import types
from pathlib import Path

import pytest
from support import leaks
from support.leaks import Witness, assert_absent, assert_sealed

PLANTED = "pl4nted-in-the-guard"


@pytest.fixture
def witness():
    return Witness()


def record(message, *args, name="core_backend.somewhere", exc_info=None, **extra):
    made = logging.LogRecord(name, logging.DEBUG, "where.py", 7, message, args, exc_info)
    vars(made).update(extra)
    return made


def raised(error):
    """Raise and catch it, so that it has a traceback."""
    try:
        raise error
    except type(error) as caught:
        return caught


def elsewhere(source, **names):
    """Run code whose frames are no test's."""
    exec(compile(source, "/elsewhere/module.py", "exec"), names)


class Masked:
    def __repr__(self):
        return "***"


class Broken:
    def __repr__(self):
        raise ValueError("no repr")


@pytest.mark.parametrize(
    "leak",
    [
        record(f"value {PLANTED}"),
        record("value %s", PLANTED),
        record("value %s", {"deep": [PLANTED]}),
        record("value", secret=PLANTED),
        record("value %d %d", PLANTED),
        record("failed", exc_info=(ValueError, ValueError(PLANTED), None)),
    ],
    ids=["message", "argument", "nested", "extra", "unformattable", "exception"],
)
def test_a_log_record_that_shows_a_secret_is_seen(witness, leak):
    witness.handle(leak)
    assert witness.drain() == ["logger core_backend.somewhere, level DEBUG, where.py:7"]
    assert witness.drain() == []


def test_a_log_record_that_shows_none_is_not(witness):
    witness.handle(record("value %r", Masked()))
    assert witness.drain() == []


def test_a_test_may_log_secrets_where_it_says_so(witness):
    with leaks.tolerated():
        witness.handle(record(PLANTED))
        other = threading.Thread(target=witness.handle, args=[record(PLANTED)])
        other.start()
        other.join()
    assert len(witness.drain()) == 1, "the leave is one thread's"


def test_what_a_tests_own_client_logs_is_no_leak_but_what_ours_does_is(witness):
    witness.handle(record(PLANTED, name="botocore.parsers"))
    assert witness.drain() == []
    ours = types.ModuleType("aiobotocore.endpoint")
    exec("def parse(handle, record): handle(record)", vars(ours))
    ours.parse(witness.handle, record(PLANTED, name="botocore.parsers"))
    assert len(witness.drain()) == 1
    testing = types.ModuleType("core_backend.testing.moto_server")
    exec("def plant(handle, record): handle(record)", vars(testing))
    testing.plant(witness.handle, record(PLANTED, name="botocore.parsers"))
    assert witness.drain() == []


def test_what_is_said_of_a_leak_does_not_repeat_it(witness):
    witness.handle(record(PLANTED))
    assert_absent(*witness.drain())


@pytest.mark.parametrize("shown", [PLANTED, PLANTED.encode(), [PLANTED], ValueError(PLANTED)])
def test_text_that_shows_a_secret_is_refused(shown):
    with pytest.raises(AssertionError, match="a planted secret shows"):
        assert_absent("harmless", shown)


def with_attribute():
    error = ValueError()
    error.value = PLANTED
    return error


def with_note():
    error = ValueError()
    error.add_note(PLANTED)
    return error


def with_cause():
    error = ValueError()
    error.__cause__ = KeyError(PLANTED)
    return error


def with_suppressed_context():
    error = ValueError()
    error.__context__ = KeyError(PLANTED)
    error.__suppress_context__ = True
    return error


def with_local():
    with pytest.raises(ValueError, match="bare") as caught:
        elsewhere("value = planted; raise ValueError('bare')", planted=PLANTED)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        ValueError(PLANTED),
        ValueError("bare", {"deep": PLANTED}),
        with_attribute(),
        with_note(),
        with_cause(),
        with_suppressed_context(),
        ExceptionGroup("group", [ValueError("bare"), ValueError(PLANTED)]),
        with_local(),
    ],
)
def test_an_exception_that_shows_a_secret_anywhere_is_refused(error):
    with pytest.raises(AssertionError, match="a planted secret shows"):
        assert_sealed(error)


def test_a_sealed_exception_is_let_through():
    planted = PLANTED
    error = raised(ValueError("bare"))
    error.__context__ = error
    with pytest.raises(ValueError, match="bare") as caught:
        elsewhere(
            "value = masked; broken = odd; raise ValueError('bare')", masked=Masked(), odd=Broken()
        )
    assert_sealed(error)
    assert_sealed(caught.value)
    assert planted == PLANTED, "a test's own variables may hold what it planted"
    assert "ValueError" in "".join(traceback.format_exception(error))


@pytest.fixture
def session(tmp_path):
    """Run a test file under the guard, in a session of its own whose output nobody repeats."""

    def run(source):
        (tmp_path / "test_made_up.py").write_text(textwrap.dedent(source))
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "support.leak_guard", "-rA", str(tmp_path)],
            env={
                **os.environ,
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONPATH": str(Path(leaks.__file__).parents[1]),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_guard_fails_the_test_that_shows_a_secret_and_no_other(session):
    outcome = session("""
        import logging, warnings
        def test_quiet(): logging.getLogger().debug("got %d characters", len("pl4nted" + "-0"))
        def test_logs(): logging.getLogger("deep.down").debug("got %s", "pl4nted" + "-1")
        def test_last(): pass
    """)
    assert outcome.returncode == pytest.ExitCode.TESTS_FAILED
    assert "3 passed, 1 error" in outcome.stdout
    assert "ERROR test_made_up.py::test_logs" in outcome.stdout
    assert "a planted secret shows: logger deep.down, level DEBUG" in outcome.stdout


def test_the_guard_fails_the_session_for_what_was_printed_or_warned_of(session):
    outcome = session("""
        import warnings
        def test_prints(): print("pl4nted" + "-2")
        def test_warns(): warnings.warn("pl4nted" + "-3")
        def test_last(): pass
    """)
    assert outcome.returncode == pytest.ExitCode.TESTS_FAILED
    assert "Captured stdout call of test_made_up.py::test_prints" in outcome.stdout
    assert "a warning in test_made_up.py::test_warns" in outcome.stdout
