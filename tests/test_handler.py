"""What async_handler makes of a function: loops, names, errors."""

from __future__ import annotations

import asyncio
import inspect
import os
from contextvars import ContextVar
from typing import Any

import pytest
from support.invoked import call

from core_backend import ConfigurationError, CoreBackendError, async_handler
from core_backend.handler import _close

seen: ContextVar[str] = ContextVar("seen", default="nothing")


def test_a_handler_is_a_plain_function_with_its_name_and_doc() -> None:
    @async_handler
    async def charge(event: object, context: object) -> object:
        """Charge somebody."""
        return event

    assert not inspect.iscoroutinefunction(charge)
    assert (charge.__name__, charge.__doc__) == ("charge", "Charge somebody.")  # type: ignore[attr-defined]
    assert charge({"a": 1}, None) == {"a": 1}


@pytest.mark.parametrize("wrong", [lambda event, context: event, 3, None])
def test_what_is_no_async_def_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="async def"):
        async_handler(wrong)


async def test_where_a_loop_is_running_the_handler_is_awaited() -> None:
    @async_handler
    async def handler(event: object, context: object) -> object:
        return asyncio.get_running_loop()

    assert await handler(None, None) is asyncio.get_running_loop()


def test_one_loop_is_kept_from_one_invocation_to_the_next() -> None:
    @async_handler
    async def handler(event: object, context: object) -> object:
        return asyncio.get_running_loop()

    assert handler(None, None) is handler(None, None)


def test_each_thread_has_a_loop_of_its_own() -> None:
    @async_handler
    async def handler(event: object, context: object) -> object:
        return asyncio.get_running_loop()

    mine = handler(None, None)
    theirs = call(handler)
    assert mine is not theirs
    assert theirs.is_closed()  # with its thread
    assert not mine.is_closed()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_gets_a_loop_of_its_own() -> None:
    @async_handler
    async def handler(event: object, context: object) -> object:
        return asyncio.get_running_loop()

    mine = handler(None, None)
    child = os.fork()
    if child == 0:
        theirs = handler(None, None)
        _close(mine, os.getppid())  # as at the exit of the child
        os._exit(0 if theirs is not mine and not mine.is_closed() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert handler(None, None) is mine


def test_what_one_invocation_sets_the_next_does_not_find() -> None:
    @async_handler
    async def handler(event: str, context: object) -> str:
        before = seen.get()
        seen.set(event)
        return before

    assert [handler("one", None), handler("two", None)] == ["nothing", "nothing"]


def test_what_the_handler_raises_comes_out_as_it_is() -> None:
    @async_handler
    async def handler(event: object, context: object) -> object:
        raise ZeroDivisionError("the handler's own")

    with pytest.raises(ZeroDivisionError, match="the handler's own"):
        handler(None, None)


def test_a_cancelled_handler_raises_an_ordinary_error_and_the_next_one_runs() -> None:
    @async_handler
    async def handler(event: bool, context: object) -> str:
        if event:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(10)
        return "fine"

    with pytest.raises(CoreBackendError, match="was cancelled") as caught:
        handler(True, None)
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert handler(False, None) == "fine"
