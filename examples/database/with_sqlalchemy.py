"""SQLAlchemy's async engine, which asks for the password anew for each connection it opens."""

from __future__ import annotations

import os
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from core_backend import SecretName, async_handler, with_secret

DB_PASSWORD = SecretName("db-password")


async def connect() -> asyncpg.Connection:
    """Open a connection. If the password was rotated meanwhile, with_secret fetches the new one."""
    return await with_secret(DB_PASSWORD, log_in, retry_on=asyncpg.InvalidPasswordError)


async def log_in(password: str) -> asyncpg.Connection:
    """Open a connection with this password."""
    return await asyncpg.connect(
        host=os.environ["DB_HOST"],
        user="app",
        database="postgres",
        password=str(password),  # asyncpg takes no subclass of str
    )


# Made once: all invocations run on one event loop, so its connections outlive them. pool_pre_ping
# replaces those that ended while the environment was frozen.
engine = create_async_engine(
    "postgresql+asyncpg://",
    async_creator=connect,
    pool_size=1,
    max_overflow=20,
    pool_pre_ping=True,
)


@async_handler
async def handler(event: dict[str, Any], context: Any) -> int:
    """Let the database add two numbers."""
    async with engine.connect() as connection:
        result = await connection.execute(text("SELECT CAST(:a AS int) + CAST(:b AS int)"), event)
        return result.scalar_one()
