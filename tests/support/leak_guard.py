"""A pytest plugin: fails the test, or the session, in which a planted secret shows."""

from __future__ import annotations

import logging

import pytest

from support.leaks import Witness

_witness = Witness()


def pytest_configure(config):
    # Root at DEBUG is AWS_LAMBDA_LOG_LEVEL=DEBUG: the most that a function would ever log.
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    root.addHandler(_witness)
    config.add_cleanup(lambda: root.removeHandler(_witness))


def pytest_warning_recorded(warning_message, nodeid):
    _witness.see(f"a warning in {nodeid}", f"{warning_message.message!s}{warning_message.line}")


def pytest_runtest_logreport(report):
    # A failing test shows what it likes: its author has to see why.
    if report.passed:
        for name, text in report.sections:
            if not name.startswith("Captured log"):
                _witness.see(f"{name} of {report.nodeid}", text)


@pytest.fixture(autouse=True)
def _no_planted_secret_shows():
    """Blame the test that was running."""
    yield
    _assert_nothing_seen()


@pytest.fixture(scope="session", autouse=True)
def _no_planted_secret_showed():
    """Catch what came between tests: from threads, finalizers, the last test's own teardown."""
    yield
    _assert_nothing_seen()


def _assert_nothing_seen():
    leaks = _witness.drain()
    assert not leaks, "a planted secret shows: " + "; ".join(leaks)
