"""core_backend, as its README has it."""

from core_backend import async_handler, get_secrets


@async_handler
async def handler(event, context):
    values = await get_secrets(*event["secrets"])
    return {"fetched": len(values)}
