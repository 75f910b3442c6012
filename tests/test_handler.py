"""What the decorators make of a handler: whom they take, whom they refuse, and its time limit."""

from __future__ import annotations

import asyncio
import functools
import inspect
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest
from aws_lambda_powertools import Logger
from support.invoked import call

from core_backend import (
    ConfigurationError,
    SecretTimeoutError,
    async_handler,
    get_secret,
    sync_handler,
)
from core_backend.testing.context import FakeContext

if TYPE_CHECKING:
    from support.scripted import World

logger = Logger(service="test")


class Charges:
    """A handler that is an object: its methods, and itself."""

    def __init__(self) -> None:
        self.done = "done"

    @async_handler
    async def later(self, event: object, context: object) -> object:
        """Charge somebody later."""
        return [self.done, event]

    @sync_handler
    def now(self, event: object, context: object) -> object:
        """Charge somebody now."""
        return [self.done, event]

    async def plain_later(self, event: object, context: object) -> object:
        return [self.done, event]

    def __call__(self, event: object, context: object) -> object:
        return [self.done, event]


class Asgi:
    async def __call__(self, scope: object, receive: object, send: object) -> None: ...


@async_handler
async def charge_later(event: object, context: object) -> object:
    """Charge somebody later."""
    return ["done", event]


@sync_handler
def charge_now(event: object, context: object) -> object:
    """Charge somebody now."""
    return ["done", event]


# --- what they take


@pytest.mark.parametrize(
    "handler",
    [
        charge_later,
        charge_now,
        Charges().later,
        Charges().now,
        async_handler(Charges().plain_later),
        sync_handler(Charges()),
        sync_handler(Charges().__call__),
        sync_handler(functools.partial(Charges.__call__, Charges())),
        sync_handler(logger.inject_lambda_context(charge_now)),
        logger.inject_lambda_context(charge_later),
    ],
)
def test_a_decorated_handler_is_called_as_lambda_calls_it(handler: Any) -> None:
    assert not inspect.iscoroutinefunction(handler)
    assert handler({"a": 1}, FakeContext()) == ["done", {"a": 1}]


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        (charge_later, "charge_later"),
        (charge_now, "charge_now"),
        (Charges.later, "later"),
        (Charges.now, "now"),
    ],
)
def test_a_handler_keeps_its_name_and_doc(handler: Any, name: str) -> None:
    assert handler.__name__ == name
    assert handler.__doc__.startswith("Charge somebody")


def test_arguments_may_be_named() -> None:
    assert charge_later(event=1, context=None) == charge_now(event=1, context=None) == ["done", 1]


async def test_where_a_loop_is_running_an_async_handler_is_awaited() -> None:
    @async_handler
    async def handler(event: object, context: object) -> object:
        return asyncio.get_running_loop()

    assert await handler(None, None) is asyncio.get_running_loop()


@pytest.mark.parametrize("decorate", [async_handler, sync_handler])
def test_what_the_handler_raises_comes_out_as_it_is(decorate: Any) -> None:
    def handler(event: object, context: object) -> object:
        raise ZeroDivisionError("the handler's own")

    async def async_one(event: object, context: object) -> object:
        return handler(event, context)

    with pytest.raises(ZeroDivisionError, match="the handler's own"):
        decorate(async_one if decorate is async_handler else handler)(None, None)


# --- what they refuse, and what to do then


def decorate_in_wrong_order() -> Any:
    @logger.inject_lambda_context
    async def charge(event: object, context: object) -> None: ...

    return charge


class Opaque:
    """A decorator that is a class."""

    def __init__(self, function: Any) -> None:
        self.__wrapped__ = function

    def __call__(self, event: object, context: object) -> object:
        raise AssertionError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            decorate_in_wrong_order(),
            "put @async_handler below @Logger.inject_lambda_context, directly above",
        ),
        (Opaque(Charges().plain_later), "put @async_handler below the other decorators"),
        (staticmethod(Charges.plain_later), "put @async_handler below @staticmethod"),
        (lambda event, context: event, "<lambda> is not one; use @sync_handler"),
        (Charges(), "is not one; use @sync_handler"),
        (3, "goes above an async def, not above 3"),
        (None, "goes above an async def, not above None"),
    ],
)
def test_what_is_not_an_async_def_is_told_what_to_do(wrong: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        async_handler(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Charges.plain_later, "Charges.plain_later is an async def; use @async_handler"),
        (Charges().plain_later, "Charges.plain_later is an async def; use @async_handler"),
        (Asgi(), r"is called asynchronously; .* sync_handler\(Mangum\(app\)\)"),
        (staticmethod(Charges.now), "put @sync_handler below @staticmethod"),
        (classmethod(Charges.now), "put @sync_handler below @classmethod"),
        (3, "can be called with event and context, not 3"),
        (None, "can be called with event and context, not None"),
    ],
)
def test_what_cannot_be_a_sync_handler_is_told_what_to_do(wrong: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        sync_handler(wrong)


def test_a_coroutine_is_not_a_result_for_lambda() -> None:
    handler = sync_handler(decorate_in_wrong_order())
    with pytest.raises(ConfigurationError, match="charge returned a coroutine.* @async_handler"):
        handler(None, FakeContext())


# --- the remaining time of the invocation


@async_handler
async def reads_later(event: str, context: object) -> str:
    return await get_secret(event)


@sync_handler
def reads_now(event: str, context: object) -> str:
    return get_secret(event).result()


@sync_handler
def reads_in_a_loop(event: str, context: object) -> str:
    """Do as the adapters of asynchronous frameworks do."""

    async def application() -> str:
        return await get_secret(event)

    return asyncio.run(application())


READERS = [reads_later, reads_now, reads_in_a_loop]


@pytest.mark.parametrize("handler", READERS)
async def test_the_remaining_time_limits_the_fetches(w: World, handler: Any) -> None:
    short, long = FakeContext(timeout=0.3), FakeContext(timeout=30)
    assert call(handler, "a", long) == "pl4nted-a"
    w.clock.advance(10_000)
    with pytest.raises(SecretTimeoutError):
        call(handler, "a", short)
    assert w.calls == 1
    # Outside of an invocation nothing limits it.
    assert await get_secret("b") == "pl4nted-b"


async def test_it_does_so_where_the_handler_is_awaited(w: World) -> None:
    with pytest.raises(SecretTimeoutError):
        await reads_later("a", FakeContext(timeout=0.3))
    assert await get_secret("a") == "pl4nted-a"


def test_the_limit_ends_with_the_invocation(w: World) -> None:
    with pytest.raises(SecretTimeoutError):
        reads_now("a", FakeContext(timeout=0.3))
    assert get_secret("a").result() == "pl4nted-a"


def test_it_does_so_for_a_method_with_any_name_for_its_context(w: World) -> None:
    class Reader:
        @sync_handler
        def handle(self, _event: object, _context: object) -> str:
            return get_secret("a").result()

    with pytest.raises(SecretTimeoutError):
        Reader().handle(_event={}, _context=FakeContext(timeout=0.3))


class Untold:
    """A context of somebody's own, as tests have them."""

    def get_remaining_time_in_millis(self) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    "context",
    [
        None,
        SimpleNamespace(),
        SimpleNamespace(get_remaining_time_in_millis=3000),
        MagicMock(),
        Untold(),
        {},
    ],
)
@pytest.mark.parametrize("handler", READERS)
def test_a_context_that_tells_no_time_limits_nothing(
    w: World, handler: Any, context: object
) -> None:
    assert handler("a", context) == "pl4nted-a"
