"""The floor: an async handler that does nothing, run by ``asyncio.run``."""

import asyncio


async def main(event):
    return {"fetched": len(event["secrets"])}


def handler(event, context):
    return asyncio.run(main(event))
