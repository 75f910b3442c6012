"""psycopg's pool, whose connections ask for the password each time one is opened."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from core_backend import SecretName, sync_handler, with_secret_sync

DB_PASSWORD = SecretName("db-password")


class Connection(psycopg.Connection[Any]):
    """A connection that knows where its password is."""

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Any:
        """Open a connection. If the password was rotated meanwhile, the new one is fetched."""

        def log_in(password: str) -> Any:
            return super(Connection, cls).connect(conninfo, password=password, **kwargs)

        # A refused password has no class of its own in psycopg. What else fails costs one fetch a
        # second, and is raised as it is.
        return with_secret_sync(DB_PASSWORD, log_in, retry_on=psycopg.OperationalError)


# The sync pool, on Lambda: its workers are threads. Those of AsyncConnectionPool are tasks, which
# async_handler would end with the invocation that started them.
pool = ConnectionPool(
    kwargs=lambda: {"host": os.environ["DB_HOST"], "user": "app", "dbname": "postgres"},
    connection_class=Connection,
    check=ConnectionPool.check_connection,
    min_size=0,  # nothing is opened before it is needed
    max_size=10,
    open=True,
)


@sync_handler
def handler(event: dict[str, Any], context: Any) -> int:
    """Let the database add two numbers."""
    with pool.connection() as connection:
        row = connection.execute("SELECT %(a)s::int + %(b)s::int", event).fetchone()
        return row[0]
