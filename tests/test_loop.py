"""The kept loop: how long it lasts, and what becomes of the tasks that an invocation leaves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from contextvars import ContextVar
from typing import Any

import pytest
from support.invoked import call

from core_backend import CoreBackendError, async_handler
from core_backend._loop import _close
from core_backend.testing.context import FakeContext

seen: ContextVar[str] = ContextVar("seen", default="nothing")


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
    monkeypatch.setattr("core_backend._loop._GRACE", 0.01)
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
    monkeypatch.setattr("core_backend._loop._GRACE", 0.01)
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
def test_left_over_tasks_leave_time_for_the_result(
    monkeypatch: pytest.MonkeyPatch, left: float, grace: float
) -> None:
    granted: list[float] = []
    wait = asyncio.wait

    def note(tasks: Any, *, timeout: float) -> Any:
        granted.append(timeout)
        return wait(tasks, timeout=10)

    monkeypatch.setattr("core_backend._loop.asyncio.wait", note)

    @async_handler
    async def handler(event: object, context: object) -> None:
        asyncio.ensure_future(asyncio.sleep(1000)).set_name("left")
        await asyncio.sleep(0)

    handler(None, FakeContext(timeout=left, monotonic=lambda: 0.0))
    assert granted == [pytest.approx(grace, abs=0.05)]


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
