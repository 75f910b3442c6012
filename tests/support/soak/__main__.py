"""Fetch and read for minutes, from a service that fails one time in three, and see what grows.

The service speaks TLS on loopback, in a process of its own. It throttles, breaks, refuses, resets,
cuts short, talks nonsense and falls silent. Whatever it does, this process is to hold as many open
files, threads, tasks and objects at the end as near its start, and no more memory.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from core_backend import SecretError, configure, get_secret, get_secrets, secrets_info
from core_backend._engine import process
from support.soak.figures import HEAD, Figures, faults
from support.soak.service import KEYS, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

_EXAMPLE = """\
example:
  tox run -e soak -- --fetches 20000 --hits 200000

Without numbers it takes some five minutes. Ends with 1 if anything has grown.
"""
_SETTINGS = {"ttl": 0.0, "connect_timeout": 2.0, "read_timeout": 0.5}
_TASKS = 40
_THREADS = 2
# How many fetches, and how many hits, go between two looks at the progress.
_PORTION = 2_000
_HITS = 100_000


def main(argv: Sequence[str] | None = None) -> int:
    """Soak; return 0 if nothing has grown, 1 if something has."""
    options = _options(argv)
    logging.getLogger("core_backend").setLevel(logging.ERROR)  # stale values, by the thousand
    with Service(options.seed) as service:
        os.environ.update(service.environ)
        rows = asyncio.run(_soak(service, options.fetches, options.hits))
    grown = faults(rows)
    lines = [HEAD, *(row.line() for row in rows), *(grown or ["nothing has grown"])]
    print("\n".join(lines))  # noqa: T201  # this is what it is for
    return 1 if grown else 0


async def _soak(service: Service, fetches: int, hits: int) -> list[Figures]:
    rows = [Figures.now("before the first fetch")]
    configure(**_SETTINGS)
    for part, when in ((0.1, "after a tenth"), (0.5, "in the middle"), (1.0, "after all fetches")):
        # At the first look each secret is to have been fetched.
        goal = max(int(fetches * part), 2 * len(KEYS))
        while secrets_info().fetches < goal:
            service.fail_one_in_three(4 * _PORTION)
            await _fetch(min(secrets_info().fetches + _PORTION, goal))
            _show(f"{secrets_info().fetches:,} of {fetches:,} fetches")
        rows.append(Figures.now(when))
    service.serve()
    configure(ttl=86_400.0)
    await _hit(hits)
    rows.append(Figures.now(f"after {hits:,} hits"))
    process.reset()
    _show("done\n" if sys.stderr.isatty() else "done")
    rows.append(Figures.now("after the reset"))
    # The store that a look at the counts has made anew has counted nothing.
    rows[-1] = rows[-1]._replace(fetches=rows[-2].fetches, failures=rows[-2].failures)
    return rows


async def _fetch(goal: int) -> None:
    """Fetch until so many have been fetched, from tasks and from threads without a loop."""

    def going_on() -> bool:
        return secrets_info().fetches < goal

    shares = [KEYS[n :: _TASKS + _THREADS] for n in range(_TASKS + _THREADS)]
    threads = [threading.Thread(target=_block, args=(keys, going_on)) for keys in shares[_TASKS:]]
    for thread in threads:
        thread.start()
    await asyncio.gather(*(_await(keys, going_on) for keys in shares[:_TASKS]))
    for thread in threads:
        thread.join()


async def _await(keys: Sequence[str], going_on: Callable[[], bool]) -> None:
    for key in itertools.cycle(keys):
        if not going_on():
            return
        try:
            await get_secret(key)
        except SecretError:
            # What is remembered is raised at once.
            await asyncio.sleep(0.001)


def _block(keys: Sequence[str], going_on: Callable[[], bool]) -> None:
    for key in itertools.cycle(keys):
        if not going_on():
            return
        try:
            get_secret(key).result()
        except SecretError:
            time.sleep(0.001)


async def _hit(hits: int) -> None:
    """Read what is at hand, that often."""
    before = secrets_info()
    [one, two, three] = await _at_hand(3)
    while (done := secrets_info().hits - before.hits) < hits:
        for _ in range(min(hits - done, _HITS) // 10 + 1):
            for _ in range(6):
                await get_secret(one)
            await get_secrets(one, two, three)
            get_secret(two).result()
        _show(f"{done:,} of {hits:,} hits")
    assert secrets_info().misses - before.misses <= len(KEYS), "a hit missed"


async def _at_hand(count: int) -> list[str]:
    """Return names of secrets that are at hand: of the last to be fetched, some failed."""
    found: list[str] = []
    for key in KEYS:
        if len(found) < count:
            try:
                await get_secret(key)
            except SecretError:
                continue
            found.append(key)
    return found


def _show(progress: str) -> None:
    """Show it in its place on a terminal; elsewhere as a line."""
    sys.stderr.write(f"\r\x1b[K{progress}" if sys.stderr.isatty() else f"{progress}\n")
    sys.stderr.flush()


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m support.soak",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--fetches", type=int, default=100_000, metavar="N")
    parser.add_argument("--hits", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--seed", type=int, default=4, help="of what goes wrong, and when")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
