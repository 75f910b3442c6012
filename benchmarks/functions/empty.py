"""The floor: an async handler that does nothing, run the standard library's way."""

import asyncio
import os


async def main(event):
    return {"fetched": len(event["secrets"]), "process": os.getpid()}


def handler(event, context):
    return asyncio.run(main(event))
