"""The other floor: an async handler that does nothing, under this package's decorator."""

import os

from core_backend import async_handler


@async_handler
async def handler(event, context):
    return {"fetched": len(event["secrets"]), "process": os.getpid()}
