"""A module that is slow to import, and fetches meanwhile."""

import os

from core_backend import async_handler, get_secrets, prefetch

prefetch(*os.environ["PREFETCHED"].split(","))

import slow  # noqa: E402, F401  # as a handler imports its other libraries


@async_handler
async def handler(event, context):
    values = await get_secrets(*event["secrets"])
    return {"fetched": len(values)}
