"""Counts what the tests fetch in all."""

import pytest

from core_backend import secrets_info

fetches = []


@pytest.fixture
def count():
    """Note what was fetched until now; called at a test's end, where its secrets still are."""
    return lambda: fetches.append(secrets_info().fetches)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"{sum(fetches)} fetches in {len(fetches)} tests")
