"""Passwords rotated under a warm cache: at servers that ask for them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import asyncpg
import pytest
from support.doors import NEW, NEWER, OLD, RefusedError
from support.postgres import Postgres, find_postgres, running_postgres

from core_backend import with_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from support.scripted import World


class PasswordServer:
    """Reads a line from each connection, and says whether it is the password."""

    def __init__(self) -> None:
        self.password = ""
        self.refused = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=256)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        right = (await reader.readline()).decode().strip() == self.password
        self.refused += not right
        writer.write(b"welcome\n" if right else b"refused\n")
        writer.close()
        await writer.wait_closed()


async def log_in(port: int, password: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{password}\n".encode())
    answer = (await reader.readline()).decode().strip()
    writer.close()
    await writer.wait_closed()
    if answer != "welcome":
        raise RefusedError(answer)
    return answer


async def test_a_hundred_connections_survive_a_rotation(w: World) -> None:
    server = PasswordServer()
    server.password = OLD
    async with server.running() as port:

        async def connect() -> str:
            return await with_secret(
                "db", lambda password: log_in(port, password), retry_on=RefusedError
            )

        assert await connect() == "welcome"
        server.password = NEW
        w.source.rotate("db", NEW)
        answers = await asyncio.gather(*(connect() for _ in range(100)))
    assert answers == ["welcome"] * 100
    assert server.refused == 100
    assert w.calls == 2


PROGRAMS = find_postgres()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    assert PROGRAMS is not None
    with running_postgres(PROGRAMS, password=OLD) as server:
        yield server


@pytest.mark.skipif(PROGRAMS is None, reason="no PostgreSQL server is installed")
async def test_a_hundred_clients_of_postgresql_survive_a_rotation(
    w: World, postgres: Postgres
) -> None:
    async def connect(password: str) -> asyncpg.Connection:
        # str(): asyncpg is written in Cython, and takes no subclass of str.
        return await asyncpg.connect(
            host=postgres.socket_folder,
            user=postgres.user,
            password=str(password),
            database="postgres",
        )

    async def ask() -> int:
        connection = await with_secret("db", connect, retry_on=asyncpg.InvalidPasswordError)
        try:
            return await connection.fetchval("SELECT 42")
        finally:
            await connection.close()

    assert await ask() == 42
    # Rotated by somebody else, under a warm cache.
    administrator = await connect(OLD)
    await administrator.execute(f"ALTER USER {postgres.user} PASSWORD '{NEW}'")
    await administrator.close()
    w.source.rotate("db", NEW)
    assert await asyncio.gather(*(ask() for _ in range(100))) == [42] * 100
    assert w.calls == 2

    # A password that no version has: the server's own words, and no further connection.
    w.clock.advance(2)
    administrator = await connect(NEW)
    await administrator.execute(f"ALTER USER {postgres.user} PASSWORD '{NEWER}'")
    await administrator.close()
    with pytest.raises(asyncpg.InvalidPasswordError, match="password authentication failed"):
        await ask()
    assert w.calls == 3
