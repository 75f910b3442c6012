"""Fixtures, and what holds for every test. pytest loads this plugin wherever we are installed."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING

import pytest

from core_backend._engine import process
from core_backend.testing import _assertions, fakes
from core_backend.testing._network import NetworkGuard
from core_backend.testing.clock import FakeClock
from core_backend.testing.context import FakeContext

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["fake_clock", "fake_secrets", "lambda_context"]

_NETWORK = "core_backend_network"
_guard = pytest.StashKey[NetworkGuard]()
_allowed = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting ``core_backend_network``."""
    parser.addini(
        _NETWORK,
        "refuse (the default) or allow: whether a test may fetch secrets from AWS",
        default="refuse",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse the network, unless the settings allow it.

    Raises:
        UsageError: The setting is neither ``allow`` nor ``refuse``.
    """
    config.addinivalue_line(
        "markers", f"{_NETWORK}: let this test fetch secrets from AWS where nothing fakes them"
    )
    setting = config.getini(_NETWORK)
    if setting not in {"allow", "refuse"}:
        raise pytest.UsageError(f"{_NETWORK} is {setting!r}; set it to allow or refuse")
    config.stash[_allowed] = setting == "allow"
    config.stash[_guard] = guard = NetworkGuard(allowed=config.stash[_allowed])
    patch = pytest.MonkeyPatch()
    patch.setattr(process, "chooser", guard.choose)
    config.add_cleanup(patch.undo)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let every test start with nothing cached and no failure remembered, and leave nothing open.

    This is around the fixtures as well, whatever their scope: the fakes of a session stay, and
    what was cached of them does not. What was configured stays, because a test's own call cannot
    be told from one in a module that the test was the first to import.
    """
    guard = item.config.stash[_guard]
    guard.test = item.nodeid
    guard.function = _function_of(item)
    guard.allowed = item.config.stash[_allowed] or item.get_closest_marker(_NETWORK) is not None
    process.reset()
    try:
        return (yield)
    finally:
        process.reset()
        guard.test, guard.allowed = None, item.config.stash[_allowed]


def _function_of(item: pytest.Item) -> str | None:
    """Return the name of the test's function, if it can ask for a fixture."""
    if not isinstance(item, pytest.Function):
        return None
    if item.cls is not None and issubclass(item.cls, unittest.TestCase):
        return None
    return item.originalname


@pytest.hookimpl(tryfirst=True)
def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a failing comparison of values without showing one."""
    return _assertions.explain(op, left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Mask, in the rest of the assertion's message, the values that were compared."""
    if call.excinfo is not None:
        _assertions.mask(call.excinfo.value)
    return (yield)


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
