"""Those who wait, and what becomes of them: rows 4, 5 and 27."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading

import pytest
from support.faults import Held

from core_backend import get_secret


@pytest.fixture
def held(service):
    """A proper answer that waits to be released; released at the end at the latest."""
    gate = Held()
    service.script(gate)
    yield gate
    gate.release()


async def test_row_4_the_fetch_completes_into_the_cache_though_all_waiters_were_cancelled(
    process, service, held, caplog, recwarn
):
    tasks = [asyncio.create_task(_awaited("db")) for _ in range(20)]
    await service.arrived(1)
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}

    held.release()
    assert await get_secret("db") == "pl4nted-db"
    assert process.calls == 1
    del tasks, outcomes
    gc.collect()
    assert not recwarn.list
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_row_4_waiters_that_time_out_leave_the_fetch_to_the_next(process, service, held):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await get_secret("db")
    await service.arrived(1)
    held.release()
    assert await get_secret("db") == "pl4nted-db"
    assert process.calls == 1


def test_row_5_a_loop_that_dies_in_mid_fetch_leaves_the_value_to_the_next(process, service, held):
    async def give_up():
        pending = get_secret("db")
        await service.arrived(1)
        asyncio.get_running_loop().call_later(0.01, asyncio.current_task().cancel)
        await pending

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(give_up())
    held.release()
    assert asyncio.run(_awaited("db")) == "pl4nted-db"
    assert process.calls == 1


def test_row_5_a_loop_closed_under_its_waiters_harms_nobody(process, service, held):
    loop = asyncio.new_event_loop()
    waiter = loop.create_task(_awaited("db"))
    loop.run_until_complete(service.arrived(1))
    loop.close()
    pending = get_secret("db")
    held.release()
    assert pending.result() == "pl4nted-db"
    assert process.calls == 1
    # For the sake of a quiet end: nothing can run on that loop any more.
    waiter._log_destroy_pending = False


async def test_row_27_sync_code_inside_a_running_loop_gets_the_value(process):
    assert get_secret("db").result() == "pl4nted-db"
    assert get_secret("db").result() == "pl4nted-db"
    assert process.calls == 1


async def test_row_27_sync_and_async_waiters_of_one_secret_share_its_fetch(process, service, held):
    handles = [get_secret("db") for _ in range(8)]
    threads = [asyncio.to_thread(handle.result) for handle in handles]
    waiting = asyncio.gather(*threads, *map(_handle_awaited, handles))
    await service.arrived(1)
    asyncio.get_running_loop().call_soon(held.release)
    assert set(await waiting) == {"pl4nted-db"}
    assert process.calls == 1


def test_row_27_a_second_thread_is_served_while_the_first_blocks_inside_its_loop(
    process, service, held
):
    values = []

    async def block():
        values.append(get_secret("db").result())

    threads = [threading.Thread(target=asyncio.run, args=(block(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    service.wait_for_calls(1)
    held.release()
    for thread in threads:
        thread.join(10)
    assert values == ["pl4nted-db"] * 2
    assert process.calls == 1


async def _awaited(secret):
    return await get_secret(secret)


async def _handle_awaited(handle):
    return await handle
