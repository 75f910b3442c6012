"""A process that reads secrets with one library. Commands come in, figures and values go out.

Each command is a line of JSON on standard input, each answer one on standard output.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import io
import json
import logging
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from clients import interruptions

# A read's outcome: its value, or the failure's type and text.
Outcome = dict[str, str]

_client: Any = importlib.import_module(f"clients.{sys.argv[1]}")
_read_blocking: Any = getattr(_client, "read_blocking", _client.read)
_loop = asyncio.new_event_loop()
_log = io.StringIO()


def _greet() -> bool:
    """Answer, now that the library is imported."""
    return True


def _prepare(ttl: int) -> None:
    _client.prepare(ttl)


def _fetch(secrets: list[str]) -> float:
    """Return how many seconds it takes to fetch the secrets past the cache."""
    started = time.perf_counter()
    fetched = _loop.run_until_complete(_client.fetch(secrets))
    seconds = time.perf_counter() - started
    assert fetched == len(secrets), fetched
    return seconds


def _measure_hits(way: str, secrets: list[str], bursts: int, calls: int) -> list[float]:
    """Return the nanoseconds of one cached read, for each burst of ``calls`` reads."""
    _loop.run_until_complete(_client.burst(way, secrets, calls))
    gc.collect()
    figures: list[float] = []
    for _ in range(bursts):
        started = time.perf_counter_ns()
        _loop.run_until_complete(_client.burst(way, secrets, calls))
        figures.append((time.perf_counter_ns() - started) / calls)
    return figures


def _invoke_steadily(secrets: list[str], seconds: float, every: float) -> list[tuple[float, float]]:
    """Invoke the handler every so often; return when each invocation began, and what it took."""
    invocations: list[tuple[float, float]] = []
    first = time.perf_counter()
    while (begun := time.perf_counter()) < first + seconds:
        _client.handler(secrets, None)
        duration = time.perf_counter() - begun
        invocations.append((begun - first, duration))
        time.sleep(max(every - duration, 0.0))
    return invocations


def _read(secret: str, *, fresh: bool = False, stage: str | None = None) -> Outcome:
    return _loop.run_until_complete(_read_async(secret, fresh=fresh, stage=stage))


def _read_on_new_loop(secret: str, *, fresh: bool = False) -> Outcome:
    return asyncio.run(_read_async(secret, fresh=fresh))


def _read_together(secrets: list[str], *, fresh: bool = False) -> list[Outcome]:
    """Read them all at the same time: in tasks, or in as many threads."""
    if inspect.iscoroutinefunction(_client.read):
        return _loop.run_until_complete(_gather(secrets, fresh=fresh))
    with ThreadPoolExecutor(len(secrets)) as threads:
        return list(threads.map(lambda secret: _read_sync(secret, fresh=fresh), secrets))


def _read_in_fork(secret: str) -> list[Outcome]:
    """Read in this process and in a forked child, after both had a client and a connection."""
    reading_end, writing_end = os.pipe()
    if not os.fork():
        # The parent's loop belongs to the parent.
        os.write(writing_end, json.dumps(_read_on_new_loop(secret, fresh=True)).encode())
        os._exit(0)
    os.close(writing_end)
    mine = _read(secret, fresh=True)
    with os.fdopen(reading_end, "rb") as answer:
        return [mine, json.loads(answer.read() or b'{"error": "the child died"}')]


def _read_without_descriptors(secret: str) -> Outcome:
    with interruptions.no_descriptors():
        return _read(secret)


def _can_block() -> bool:
    """Answer whether the library can read a secret without ``await``."""
    return not inspect.iscoroutinefunction(_read_blocking)


def _read_after_signals(secrets: list[str]) -> list[Outcome]:
    """Read each secret twice: a signal handler raises in the middle of the first read.

    That read blocks where the library can: an event loop of asyncio's that is interrupted outside
    of any library's code can stay broken.
    """
    read = partial(_read_sync, fresh=False, read=_read_blocking) if _can_block() else _read
    interrupted = [interruptions.was_interrupted(partial(read, secret)) for secret in secrets]
    assert any(interrupted), "no read took as long as that"
    return [_read(secret) for secret in secrets]


def _read_beside_finalizers(secrets: list[str]) -> list[Outcome]:
    """Read while finalizers on the same thread read as well."""
    asked: list[object] = []

    def ask() -> None:
        asked.append(_read_sync(f"finalizer/{len(asked)}", fresh=False, read=_read_blocking))

    with interruptions.ask_by_finalizers(ask):
        outcomes = [_read(secret) for secret in secrets]
    assert asked, "no finalizer ran"
    return outcomes


def _read_in_subinterpreter(secret: str) -> Outcome:
    return interruptions.read_in_subinterpreter(sys.argv[1], secret)


def _listen() -> None:
    """Log as ``AWS_LAMBDA_LOG_LEVEL=DEBUG`` does."""
    logging.basicConfig(level=logging.DEBUG, stream=_log)


def _was_logged(text: str) -> bool:
    return text in _log.getvalue()


async def _gather(secrets: list[str], *, fresh: bool) -> list[Outcome]:
    return await asyncio.gather(*(_read_async(secret, fresh=fresh) for secret in secrets))


async def _read_async(secret: str, *, fresh: bool, stage: str | None = None) -> Outcome:
    if not inspect.iscoroutinefunction(_client.read):
        return _read_sync(secret, fresh=fresh, stage=stage)
    try:
        return {"value": await _client.read(secret, fresh, stage)}
    except Exception as error:  # noqa: BLE001  # whatever a library raises
        return _describe_failure(error)


def _read_sync(secret: str, *, fresh: bool, stage: str | None = None, read: Any = None) -> Outcome:
    try:
        return {"value": (read or _client.read)(secret, fresh, stage)}
    except Exception as error:  # noqa: BLE001  # as above
        return _describe_failure(error)


def _describe_failure(error: Exception) -> Outcome:
    return {"error": f"{type(error).__name__}: {error}"}


_COMMANDS = {
    "greet": _greet,
    "prepare": _prepare,
    "fetch": _fetch,
    "hits": _measure_hits,
    "steadily": _invoke_steadily,
    "read": _read,
    "read on a new loop": _read_on_new_loop,
    "read together": _read_together,
    "read in a fork": _read_in_fork,
    "read without descriptors": _read_without_descriptors,
    "read after signals": _read_after_signals,
    "can block": _can_block,
    "read beside finalizers": _read_beside_finalizers,
    "read in a subinterpreter": _read_in_subinterpreter,
    "listen": _listen,
    "was logged": _was_logged,
}

for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(_COMMANDS[command.pop("do")](**command)), flush=True)
