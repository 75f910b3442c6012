"""What Lambda calls, in this process; test_lambda_runtime.py does it under Lambda's own client."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import threading
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import pytest
from support.scripted import world

from core_backend import (
    ConfigurationError,
    CoreBackendError,
    SecretTimeoutError,
    async_handler,
    get_secret,
)
from core_backend.handler import _close, _grace
from core_backend.testing.context import FakeContext

seen: ContextVar[str] = ContextVar("seen", default="nothing")


def call(handler: Any, event: object = None, context: object = None) -> Any:
    """Call a handler where no loop is running, as Lambda's client does."""
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(handler(event, context))
        except BaseException as error:  # noqa: BLE001  # handed to the test as it is
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


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


def test_no_task_outlives_its_invocation() -> None:
    tasks: list[asyncio.Task[None]] = []
    cleaned: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(0)
            cleaned.append("yes")

    @async_handler
    async def handler(event: object, context: object) -> str:
        tasks.append(asyncio.ensure_future(background()))
        await asyncio.sleep(0)
        return "done"

    assert handler(None, None) == "done"
    assert tasks[0].cancelled()
    assert cleaned == ["yes"]


def test_a_task_that_will_not_be_cancelled_is_named_and_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core_backend.handler._GRACE", 0.01)
    stop: list[asyncio.Event] = []

    async def stubborn() -> None:
        while not stop[0].is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await stop[0].wait()

    @async_handler
    async def handler(event: str, context: object) -> str:
        if event == "stop":
            stop[0].set()
            await asyncio.sleep(0.01)
            return "stopped"
        stop.append(asyncio.Event())
        asyncio.ensure_future(stubborn()).set_name("mule")
        await asyncio.sleep(0)
        return "done"

    with caplog.at_level(logging.WARNING):
        assert handler("start", None) == "done"
    assert "mule" in caplog.text
    assert handler("stop", None) == "stopped"


def test_a_task_that_will_not_be_cancelled_is_waited_for_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core_backend.handler._GRACE", 0.01)
    over: list[asyncio.Event] = [asyncio.Event()]

    async def stubborn() -> None:
        while not over[0].is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await over[0].wait()

    @async_handler
    async def handler(event: str, context: object) -> int:
        if event == "start":
            asyncio.ensure_future(stubborn()).set_name("mule")
        if event == "stop":
            over[0].set()
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert [handler(event, None) for event in ("start", "", "", "stop")] == [2, 2, 2, 1]
    assert [r.levelname for r in caplog.records if "mule" in r.getMessage()] == ["WARNING"]


def test_what_a_left_over_task_starts_as_it_ends_is_ended_as_well() -> None:
    ended: list[int] = []
    tasks: list[asyncio.Task[None]] = []

    async def hydra(heads: int) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(heads)
            if heads:
                tasks.append(asyncio.ensure_future(hydra(heads - 1)))

    @async_handler
    async def handler(event: object, context: object) -> int:
        tasks.append(asyncio.ensure_future(hydra(3)))
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert handler(None, None) == 2
    assert ended == [3, 2, 1, 0]


@pytest.mark.parametrize(("left", "grace"), [(900.0, 1.0), (0.6, 0.5), (0.1, 0.0), (0.0, 0.0)])
def test_left_over_tasks_leave_time_for_the_result(left: float, grace: float) -> None:
    assert _grace(FakeContext(timeout=left, monotonic=lambda: 0.0)) == pytest.approx(grace)


def test_with_no_time_left_they_are_cancelled_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks: list[asyncio.Task[None]] = []

    @async_handler
    async def handler(event: object, context: object) -> None:
        tasks.append(asyncio.ensure_future(asyncio.sleep(1000)))
        await asyncio.sleep(0)

    handler(None, FakeContext(timeout=0.0))
    assert tasks[0].cancelled()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_an_error_in_a_left_over_task_does_not_become_the_handlers() -> None:
    async def background() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            raise ZeroDivisionError

    @async_handler
    async def handler(event: object, context: object) -> str:
        task = asyncio.ensure_future(background())
        await asyncio.sleep(0)
        return task.get_name()

    assert handler(None, None).startswith("Task-")


@pytest.mark.parametrize("running", [False, True])
async def test_the_remaining_time_limits_the_fetches(running: bool) -> None:
    @async_handler
    async def handler(event: object, context: object) -> str:
        return await get_secret("a")

    with world() as w:
        short, long = FakeContext(timeout=0.3), FakeContext(timeout=30)
        value = await handler(None, long) if running else call(handler, None, long)
        assert value == "pl4nted-a"
        w.clock.advance(10_000)
        with pytest.raises(SecretTimeoutError):
            await handler(None, short) if running else call(handler, None, short)
        assert w.calls == 1
        # Outside of an invocation nothing limits it.
        assert await get_secret("b") == "pl4nted-b"


def test_a_context_that_tells_no_time_limits_nothing() -> None:
    @async_handler
    async def handler(event: object, context: object) -> str:
        return await get_secret("a")

    with world():
        assert handler(None, SimpleNamespace()) == handler(None, None) == "pl4nted-a"
