"""A PostgreSQL server for one test, where the machine has one installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Postgres", "find_postgres", "running_postgres"]

_PATIENCE = 30
# Ends the server when the test process ends, however that ends: its end of the pipe is closed.
_SUPERVISED = '"$@" >log 2>&1 & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid'


class Postgres(NamedTuple):
    """A running server, which takes passwords only."""

    socket_folder: str
    user: str
    password: str


def find_postgres() -> Path | None:
    """Return the folder of the newest server's programs, or ``None``."""
    on_path = shutil.which("postgres")
    if on_path is not None:
        # A link to it may stand alone; initdb is where the program is.
        return Path(on_path).resolve().parent
    # Debian keeps them out of PATH.
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
    )
    return found[-1].parent if found else None


@contextlib.contextmanager
def running_postgres(programs: Path, *, password: str) -> Iterator[Postgres]:
    """Start a new server without any data, on a Unix socket of its own; end it with the block."""
    # Not pytest's folder: its path may be too long for a socket, and other users cannot enter it.
    folder = tempfile.mkdtemp(prefix="postgres-")
    account = _account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    as_user = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid}
    try:
        (Path(folder) / "password").write_text(password)
        (Path(folder) / "password").chmod(0o644)
        subprocess.run(
            [
                *(str(programs / "initdb"), "--no-sync", "--username=app", "--pwfile=password"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--pgdata=data"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
            **as_user,
        )
        with subprocess.Popen(
            [
                *("sh", "-c", _SUPERVISED, "postgres", str(programs / "postgres"), "-D", "data"),
                *("-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}"),
                *("-c", "fsync=off", "-c", "max_connections=250"),
            ],
            cwd=folder,
            stdin=subprocess.PIPE,
            **as_user,
        ) as server:
            _wait_for(server, Path(folder))
            yield Postgres(folder, "app", password)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    """Return whom to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("there is no user but root to run PostgreSQL as")


def _wait_for(server: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    status = folder / "data/postmaster.pid"
    # There is a socket before there is a server behind it; what the server itself notes counts.
    while not (status.exists() and status.read_text().rstrip().endswith("ready")):
        if server.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"PostgreSQL does not start: {(folder / 'log').read_text()}")
        time.sleep(0.02)
