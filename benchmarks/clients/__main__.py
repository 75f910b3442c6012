"""A process that works for one library: commands in, figures out, each a line of JSON."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import sys
import time
from typing import Any

_client: Any = importlib.import_module(f"clients.{sys.argv[1]}")
_loop = asyncio.new_event_loop()


def _prepare(ttl: int) -> None:
    _client.prepare(ttl)


def _fetch(secrets: list[str]) -> float:
    """Return how many seconds it takes to fetch the secrets past the cache."""
    started = time.perf_counter()
    fetched = _loop.run_until_complete(_client.fetch(secrets))
    taken = time.perf_counter() - started
    assert fetched == len(secrets), fetched
    return taken


def _hits(way: str, secrets: list[str], bursts: int, calls: int) -> list[float]:
    """Return the nanoseconds of one read of what is cached, for each burst of so many calls."""
    _loop.run_until_complete(_client.burst(way, secrets, calls))
    gc.collect()
    taken: list[float] = []
    for _ in range(bursts):
        started = time.perf_counter_ns()
        _loop.run_until_complete(_client.burst(way, secrets, calls))
        taken.append((time.perf_counter_ns() - started) / calls)
    return taken


def _steadily(secrets: list[str], seconds: float, every: float) -> list[float]:
    """Return the seconds of each invocation, begun at fixed times."""
    taken: list[float] = []
    begun = time.perf_counter()
    while (now := time.perf_counter()) < begun + seconds:
        _client.handler(secrets, None)
        taken.append(time.perf_counter() - now)
        time.sleep(max(every - taken[-1], 0.0))
    return taken


_COMMANDS = {"prepare": _prepare, "fetch": _fetch, "hits": _hits, "steadily": _steadily}

for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(_COMMANDS[command.pop("do")](**command)), flush=True)
if hasattr(_client, "close"):
    _loop.run_until_complete(_client.close())
