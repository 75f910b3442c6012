"""A function that is cancelled, runs out of patience, and leaves tasks behind."""

import asyncio
import os

from core_backend import async_handler, get_secret

ran_on = []
left = []


@async_handler
async def handler(event, context):
    return await globals()[event["do"]]()


async def be_cancelled():
    asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
    await get_secret("db")


async def time_out():
    async with asyncio.timeout(0.01):
        await get_secret("db")


async def leave():
    begin(run_on("sleeper", asyncio.sleep(1000)))
    begin(run_on("waiter", wait_for("db")))
    begin(start_another())
    await asyncio.sleep(0)
    return len(asyncio.all_tasks())


def begin(coroutine):
    left.append(asyncio.ensure_future(coroutine))
    return left[-1]


async def wait_for(name):
    return await get_secret(name)


async def run_on(name, awaitable):
    try:
        await awaitable
    finally:
        ran_on.append(name)


async def start_another():
    try:
        await asyncio.sleep(1000)
    finally:
        begin(run_on("another", asyncio.sleep(1000)))


async def leave_a_mule():
    async def refuse():
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                ran_on.append("mule")

    begin(refuse()).set_name("mule")
    await asyncio.sleep(0)


async def look():
    return {
        "pid": os.getpid(),
        "tasks": len(asyncio.all_tasks()) - 1,
        "ran on": ran_on,
        "right": await get_secret("db") == os.environ["EXPECTED"],
    }
