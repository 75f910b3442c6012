"""A module that is slow to import, and fetches meanwhile."""

import os

from core_backend import async_handler, get_secrets

SECRETS = os.environ["PREFETCHED"].split(",")


@async_handler(prefetch=SECRETS)
async def handler(event, context):
    values = await get_secrets(*event["secrets"])
    return {"fetched": len(values)}


import slow  # noqa: E402, F401  # below the handler, which starts the fetches
