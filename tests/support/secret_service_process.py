"""The service in a process of its own, told what to do line by line on its standard input."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from support.faults import NAMED
from support.secret_service import SecretService

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until standard input ends.

    Prints one line of JSON, the environment that leads a client here. Then each line read is a
    command, answered by one line of JSON: ``latency SECONDS``, ``script FAULT...``,
    ``put NAME VALUE``, ``forget`` and ``stats``.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds for each answer")
    parser.add_argument("--secret", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args(argv)
    secrets = dict(pair.split("=", 1) for pair in options.secret)
    with SecretService(secrets, latency=options.latency) as service:
        print(json.dumps(service.environ), flush=True)  # noqa: T201  # this is what it is for
        for line in sys.stdin:
            print(json.dumps(_obey(service, line.split())), flush=True)  # noqa: T201  # as above


def _obey(service: SecretService, words: list[str]) -> dict[str, object]:
    match words:
        case ["latency", seconds]:
            service.latency = float(seconds)
        case ["script", *names]:
            service.script(*(NAMED[name] for name in names))
        case ["put", name, value]:
            service.put(name, value)
        case ["forget"]:
            service.forget()
        case ["stats"]:
            return {
                "calls": len(service.calls),
                "connections": service.connections,
                "open": service.open_connections,
                "most_open": service.most_open,
            }
        case _:
            return {"error": f"no such command: {' '.join(words)}"}
    return {}
