"""Fixtures, and a fresh start for every test. pytest loads it by itself where this is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core_backend._engine import process
from core_backend.testing import fakes
from core_backend.testing.clock import FakeClock
from core_backend.testing.context import FakeContext

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["fake_clock", "fake_secrets", "lambda_context"]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Let every test start with nothing cached and no failure remembered, and leave nothing open.

    Around the fixtures as well, whatever their scope: fakes of a session stay, their cache does
    not. Nothing of it belongs to an event loop. What was configured stays: whether a test did so
    or a module that it was the first to import cannot be told.
    """
    process.reset()
    try:
        return (yield)
    finally:
        process.reset()


@pytest.fixture
def fake_secrets() -> Generator[fakes.FakeSecrets]:
    """Serve made-up secrets: ``fake_secrets[STRIPE_API_KEY] = "sk_test"``."""
    with fakes.fake_secrets() as served:
        yield served


@pytest.fixture
def lambda_context() -> FakeContext:
    """Return what Lambda hands a handler besides the event; 30 seconds are left."""
    return FakeContext()


@pytest.fixture
def fake_clock() -> Generator[FakeClock]:
    """Let the test move the time by which values expire."""
    clock = FakeClock()
    with process.replaced(clock=clock):
        yield clock
