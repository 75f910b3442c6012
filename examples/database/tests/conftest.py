import psycopg
import pytest
from support.postgres import find_postgres, running_postgres

from core_backend import SecretName

OLD, NEW = "pl4nted-old", "pl4nted-new"
PROGRAMS = find_postgres()


class Database:
    """A real PostgreSQL, and the secret with its password."""

    def __init__(self, server, secrets):
        self._server = server
        self._secrets = secrets
        secrets[SecretName("db-password")] = OLD

    def rotate(self):
        """Change the password: the secret first, so that those who are refused find the new one."""
        self._secrets.rotate(SecretName("db-password"), NEW)
        with psycopg.connect(
            host=self._server.socket_folder, user="app", password=OLD, dbname="postgres"
        ) as connection:
            connection.execute(f"ALTER USER app PASSWORD '{NEW}'")

    @property
    def fetches(self):
        return len(self._secrets.calls)


@pytest.fixture
def database(fake_secrets, monkeypatch):
    if PROGRAMS is None:
        pytest.skip("no PostgreSQL server is installed")
    with running_postgres(PROGRAMS, password=OLD) as server:
        monkeypatch.setenv("DB_HOST", server.socket_folder)
        yield Database(server, fake_secrets)
