"""The floor of the prefetch benchmark: a module that is slow to import, and reads no secrets."""

import slow  # noqa: F401  # as a handler imports its other libraries

from core_backend import async_handler


@async_handler
async def handler(event, context):
    return {"fetched": len(event["secrets"])}
