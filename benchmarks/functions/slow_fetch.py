"""A module that is slow to import. Its secrets are fetched in the handler."""

import slow  # noqa: F401  # as a handler imports its other libraries

from core_backend import async_handler, get_secrets


@async_handler
async def handler(event, context):
    values = await get_secrets(*event["secrets"])
    return {"fetched": len(values)}
