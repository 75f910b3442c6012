"""What is left at the end of an invocation: tasks, and time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import SimpleNamespace

import pytest
from support.invoked import call
from support.scripted import world

from core_backend import SecretTimeoutError, async_handler, get_secret
from core_backend.handler import _grace
from core_backend.testing.context import FakeContext


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
