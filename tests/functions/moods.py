"""A function that does, event by event, what a runtime has to survive."""

import asyncio
import os

from core_backend import async_handler, get_secrets, secrets_info


@async_handler
async def handler(event, context):
    return await globals()[event["mood"]]()


async def good():
    one, two, three = await get_secrets("one", "two", "three")
    return {
        "pid": os.getpid(),
        "right": (one, two, three) == ("pl4nted-1", "pl4nted-2", "pl4nted-3"),
        "fetches": secrets_info().fetches,
    }


async def angry():
    raise ValueError("the handler's own")


async def cancelled():
    asyncio.current_task().cancel()
    await asyncio.sleep(10)


async def lets_a_cancellation_out():
    task = asyncio.ensure_future(asyncio.sleep(10))
    task.cancel()
    await task


async def timed_out():
    async with asyncio.timeout(0.01):
        await asyncio.sleep(10)


async def unserialisable():
    return {"a set": {1, 2}}


async def forgetful():
    forgetful.task = asyncio.ensure_future(asyncio.sleep(1000))
    await asyncio.sleep(0)
    return "left one behind"


async def remembers():
    return forgetful.task.cancelled()


async def missing():
    await get_secrets("one", "nothing", "nowhere")
