import psycopg
import pytest
from support.postgres import find_postgres, running_postgres

from core_backend import SecretName

DB_PASSWORD = SecretName("db-password")
PROGRAMS = find_postgres()


class Database:
    """A real PostgreSQL, and the secret with its password."""

    def __init__(self, host):
        self.host = host
        self.secrets = {}
        self.password = "pl4nted-0"

    def rotate(self):
        """Change the password: the secret first, so that those who are refused find the new one."""
        old, self.password = self.password, f"{self.password}0"
        self.secrets.rotate(DB_PASSWORD, self.password)
        with psycopg.connect(
            host=self.host, user="app", password=old, dbname="postgres"
        ) as connection:
            connection.execute(f"ALTER USER app PASSWORD '{self.password}'")

    @property
    def fetches(self):
        return len(self.secrets.calls)


@pytest.fixture(scope="session")
def running():
    if PROGRAMS is None:
        pytest.skip("no PostgreSQL server is installed")
    with running_postgres(PROGRAMS, password="pl4nted-0") as server:
        yield Database(server.socket_folder)


@pytest.fixture
def database(running, fake_secrets, monkeypatch):
    fake_secrets[DB_PASSWORD] = running.password
    running.secrets = fake_secrets
    monkeypatch.setenv("DB_HOST", running.host)
    return running
