"""The SDK's clients, on a connect of the test's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core_backend.sources.sdk.clients import Clients
from core_backend.testing.clock import FakeClock

if TYPE_CHECKING:
    import contextlib


class Connecting:
    """Makes clients out of numbers, and notes which of them are closed."""

    def __init__(self) -> None:
        self.made = 0
        self.closed: list[int] = []
        self.fails: Exception | None = None

    async def __call__(self, region: str, opened: contextlib.AsyncExitStack) -> int:
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails
        self.made = number = self.made + 1
        opened.callback(lambda: self.closed.append(number))
        return number


@pytest.fixture
def connect():
    return Connecting()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def clients(connect, clock):
    clients = Clients(connect, clock, idle_timeout=12.0)
    yield clients
    await clients.aclose()


async def use(clients, region="here"):
    async with clients.lease(region) as (_, number):
        await asyncio.sleep(0)
        return number


async def test_a_region_has_one_client_however_many_ask(clients):
    assert await asyncio.gather(use(clients), use(clients), use(clients, "there")) == [1, 1, 2]
    assert await use(clients) == 1


async def test_one_that_cannot_be_made_is_tried_anew(clients, connect):
    connect.fails = ValueError("no")
    for outcome in await asyncio.gather(use(clients), use(clients), return_exceptions=True):
        assert isinstance(outcome, ValueError)
    connect.fails = None
    assert await use(clients) == 1


async def test_one_who_is_cancelled_leaves_it_to_the_others(clients):
    doomed = asyncio.ensure_future(use(clients))
    patient = asyncio.ensure_future(use(clients))
    await asyncio.sleep(0)
    doomed.cancel()
    assert await patient == 1
    assert await use(clients) == 1


async def test_one_that_is_dropped_is_closed_when_its_last_user_is_done(clients, connect):
    async with clients.lease("here") as (client, number):
        clients.drop(client)
        clients.drop(client)
        async with clients.lease("here") as (_, other):
            assert (number, other) == (1, 2)
        await asyncio.sleep(0.01)
        assert connect.closed == []
    await clients.aclose()
    assert connect.closed == [1, 2]


async def test_all_are_dropped_and_closed_once(clients, connect):
    await use(clients)
    await use(clients, "there")
    clients.drop_all()
    assert await use(clients) == 3
    await clients.aclose()
    await clients.aclose()
    assert sorted(connect.closed) == [1, 2, 3]


@pytest.mark.parametrize(
    ("wall", "monotonic", "number"),
    [
        (11.0, 0.0, 1),
        (13.0, 0.0, 2),  # frozen: the wall clock alone went on
        (13.0, 13.0, 1),  # the SDK sees to that itself
        (-3600.0, 1.0, 1),
    ],
)
async def test_one_that_was_frozen_while_idle_is_replaced(clients, clock, wall, monotonic, number):
    await use(clients)
    clock.advance_wall(wall)
    clock.advance_monotonic(monotonic)
    assert await use(clients) == number


async def test_one_in_use_is_not_replaced(clients, clock):
    async with clients.lease("here") as (_, number):
        await use(clients)
        clock.freeze(3600)
        assert await use(clients) == number


async def test_closing_does_not_wait_for_one_that_is_being_made(connect, clock):
    clients = Clients(connect, clock, idle_timeout=12.0)
    waiting = asyncio.ensure_future(use(clients))
    await asyncio.sleep(0)
    await clients.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert connect.closed == []
