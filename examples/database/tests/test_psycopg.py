"""The password rotates under load: no query of the pool fails, and one fetch is made."""

from concurrent.futures import ThreadPoolExecutor

from with_psycopg import handler, pool

NUMBERS = [{"a": n, "b": 1} for n in range(200)]


def test_a_pool_survives_a_rotation(database, lambda_context):
    with pool, ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(handler, each, lambda_context) for each in NUMBERS]
        asked[0].result()
        database.rotate()
        pool.drain()  # so that further connections are new ones
        assert [each.result() for each in asked] == [each["a"] + 1 for each in NUMBERS]
        assert handler({"a": 1, "b": 1}, lambda_context) == 2
    assert database.fetches == 2
