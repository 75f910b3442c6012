"""core_backend, which fetches while the module is imported."""

import os

from core_backend import async_handler, get_secrets


@async_handler(prefetch=os.environ["PREFETCHED"].split(","))
async def handler(event, context):
    values = await get_secrets(*event["secrets"])
    return {"fetched": len(values)}
