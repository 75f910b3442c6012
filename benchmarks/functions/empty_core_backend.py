"""An async handler under this package's decorator that reads no secret."""

from core_backend import async_handler


@async_handler
async def handler(event, context):
    return {"fetched": len(event["secrets"])}
