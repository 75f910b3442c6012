"""One fetch, however many ask: tasks, threads, loops."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from core_backend import get_secret, get_secrets, secrets_info

if TYPE_CHECKING:
    from support.scripted import World


async def test_a_thousand_tasks_share_one_fetch(w: World) -> None:
    async def value() -> str:
        return await get_secret("a")

    values = await asyncio.gather(*(value() for _ in range(1000)))
    assert set(values) == {"pl4nted-a"}
    assert w.calls == 1


def test_fifty_threads_of_twenty_tasks_share_one_fetch(w: World) -> None:
    barrier = threading.Barrier(50)

    async def twenty() -> set[str]:
        barrier.wait(10)
        return set(await asyncio.gather(*(value() for _ in range(20))))

    async def value() -> str:
        return await get_secret("a")

    with ThreadPoolExecutor(50) as pool:
        found = [f.result() for f in [pool.submit(asyncio.run, twenty()) for _ in range(50)]]
    assert found == [{"pl4nted-a"}] * 50
    assert w.calls == 1


async def test_the_same_name_twice_in_one_call_is_fetched_once(w: World) -> None:
    assert await get_secrets("a", "a") == ("pl4nted-a", "pl4nted-a")
    assert w.calls == 1


def test_three_loops_at_once_share_one_fetch(w: World) -> None:
    async def value() -> str:
        return await get_secret("a")

    with ThreadPoolExecutor(3) as pool, w.source.held():
        futures = [pool.submit(asyncio.run, value()) for _ in range(3)]
        w.source.arrived()
    assert [f.result() for f in futures] == ["pl4nted-a"] * 3
    assert w.calls == 1


def test_two_hundred_loops_one_after_the_other(w: World) -> None:
    async def value() -> str:
        return await get_secret("a")

    threads = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(200):
            assert asyncio.run(value()) == "pl4nted-a"
            w.clock.advance(400)
            threads.add(threading.active_count())
        gc.collect()
    assert w.calls == 200
    assert len(threads) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not made for Windows")
def test_the_callers_loop_may_be_of_any_make(w: World) -> None:
    import uvloop  # noqa: PLC0415  # see above

    async def value() -> str:
        return await get_secret("a")

    for factory in (uvloop.new_event_loop, asyncio.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            assert runner.run(value()) == "pl4nted-a"
            w.clock.advance(400)
            assert runner.run(value()) == "pl4nted-a"
        w.clock.advance(400)
    assert w.calls == 4


async def test_a_value_in_its_ttl_is_not_fetched_again(w: World) -> None:
    await get_secret("a")
    w.clock.advance(200)
    await get_secret("a")
    assert w.calls == 1
    info = secrets_info()
    assert (info.hits, info.misses, info.fetches) == (1, 1, 1)


async def test_one_waiter_cancelled_or_timed_out_harms_no_other(w: World) -> None:
    async def value() -> str:
        return await get_secret("a")

    with w.source.held():
        doomed, late, patient = (asyncio.ensure_future(value()) for _ in range(3))
        await asyncio.sleep(0)
        doomed.cancel()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(late, 0.01)
    assert await patient == "pl4nted-a"
    assert doomed.cancelled()
    assert w.calls == 1
