"""The password rotates under load: no query fails, and the new one is fetched once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import with_psycopg
import with_sqlalchemy

NUMBERS = [{"a": n, "b": 1} for n in range(200)]
RIGHT = [n + 1 for n in range(200)]


async def test_an_async_engine_goes_on(database, lambda_context):
    asked = [asyncio.create_task(with_sqlalchemy.handler(n, lambda_context)) for n in NUMBERS]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(database.rotate)
    assert await asyncio.gather(*asked) == RIGHT

    await with_sqlalchemy.engine.dispose()
    assert await with_sqlalchemy.handler({"a": 1, "b": 1}, lambda_context) == 2
    await with_sqlalchemy.engine.dispose()
    assert database.fetches == 2


def test_a_pool_goes_on(database, lambda_context):
    with with_psycopg.pool, ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(with_psycopg.handler, n, lambda_context) for n in NUMBERS]
        asked[0].result()
        database.rotate()
        with_psycopg.pool.drain()  # all connections from here on are opened anew
        assert [each.result() for each in asked] == RIGHT
        assert with_psycopg.handler({"a": 1, "b": 1}, lambda_context) == 2
    assert database.fetches == 2
