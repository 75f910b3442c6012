"""A module that is slow to import, whose secrets are fetched when they are asked for."""

import os

import slow  # noqa: F401  # as a handler imports its other libraries

from core_backend import async_handler, get_secrets


@async_handler
async def handler(event, context):
    values = await get_secrets(*event["secrets"])
    return {"fetched": len(values), "process": os.getpid()}
