"""A process that reads secrets with one library: commands in, outcomes out, each a line of JSON."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import io
import json
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# What a read came to: its value, or the failure's type and text.
Outcome = dict[str, str]

_reader: Any = importlib.import_module(f"readers.{sys.argv[1]}")
_loop = asyncio.new_event_loop()
_log = io.StringIO()


def _be_there() -> bool:
    return True


def _prepare(ttl: int) -> None:
    _reader.prepare(ttl)


def _read(secret: str, *, fresh: bool = False, stage: str | None = None) -> Outcome:
    return _loop.run_until_complete(_awaited(secret, fresh=fresh, stage=stage))


def _read_on_a_loop_of_its_own(secret: str, *, fresh: bool = False) -> Outcome:
    return asyncio.run(_awaited(secret, fresh=fresh))


def _together(secrets: list[str], *, fresh: bool = False) -> list[Outcome]:
    """Read them all at the same time: in tasks, or in as many threads."""
    if inspect.iscoroutinefunction(_reader.read):
        return _loop.run_until_complete(_gathered(secrets, fresh=fresh))
    with ThreadPoolExecutor(len(secrets)) as threads:
        return list(threads.map(lambda secret: _blocked(secret, fresh=fresh), secrets))


def _read_on_both_sides_of_a_fork(secret: str) -> list[Outcome]:
    """Read in this process and in a forked child, after both had a client and a connection."""
    told, tell = os.pipe()
    if not os.fork():
        # The parent's loop is the parent's.
        os.write(tell, json.dumps(_read_on_a_loop_of_its_own(secret, fresh=True)).encode())
        os._exit(0)
    os.close(tell)
    mine = _read(secret, fresh=True)
    with os.fdopen(told, "rb") as answer:
        return [mine, json.loads(answer.read() or b'{"error": "the child died"}')]


def _listen() -> None:
    """Log as AWS_LAMBDA_LOG_LEVEL=DEBUG does."""
    logging.basicConfig(level=logging.DEBUG, stream=_log)


def _logged(text: str) -> bool:
    return text in _log.getvalue()


async def _gathered(secrets: list[str], *, fresh: bool) -> list[Outcome]:
    return await asyncio.gather(*(_awaited(secret, fresh=fresh) for secret in secrets))


async def _awaited(secret: str, *, fresh: bool, stage: str | None = None) -> Outcome:
    if not inspect.iscoroutinefunction(_reader.read):
        return _blocked(secret, fresh=fresh, stage=stage)
    try:
        return {"value": await _reader.read(secret, fresh, stage)}
    except Exception as error:  # noqa: BLE001  # whatever a library raises
        return _failure(error)


def _blocked(secret: str, *, fresh: bool, stage: str | None = None) -> Outcome:
    try:
        return {"value": _reader.read(secret, fresh, stage)}
    except Exception as error:  # noqa: BLE001  # as above
        return _failure(error)


def _failure(error: Exception) -> Outcome:
    return {"error": f"{type(error).__name__}: {error}"}


_COMMANDS = {
    "be there": _be_there,
    "prepare": _prepare,
    "read": _read,
    "read on a loop of its own": _read_on_a_loop_of_its_own,
    "together": _together,
    "fork": _read_on_both_sides_of_a_fork,
    "listen": _listen,
    "logged": _logged,
}

for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(_COMMANDS[command.pop("do")](**command)), flush=True)
