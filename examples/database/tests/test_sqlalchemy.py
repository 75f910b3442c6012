"""The password rotates under load: no query of the async engine fails, and one fetch is made."""

import asyncio

from with_sqlalchemy import engine, handler

NUMBERS = [{"a": n, "b": 1} for n in range(200)]


async def test_an_async_engine_survives_a_rotation(database, lambda_context):
    asked = [asyncio.create_task(handler(each, lambda_context)) for each in NUMBERS]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(database.rotate)
    assert await asyncio.gather(*asked) == [each["a"] + 1 for each in NUMBERS]

    await engine.dispose()  # so that the next connection is a new one
    assert await handler({"a": 1, "b": 1}, lambda_context) == 2
    await engine.dispose()
    assert database.fetches == 2
