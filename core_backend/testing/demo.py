"""The whole path on this machine: ``python -m core_backend.testing.demo [folder] [--json]``.

A handler runs under the Lambda runtime client, and its secrets come from moto's server: cold, warm,
and after a rotation during a freeze. No AWS account is involved.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend import SecretName, get_resource_name
from core_backend.testing.events import http_api_event
from core_backend.testing.local_lambda import LocalLambda
from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main"]

_TTL = 3.0
# Longer than the ttl with all of its jitter.
_FROZEN = 3.5
_ENV_NAME = "dev"


class Step(NamedTuple):
    """One invocation, as the timeline shows it. Times are in milliseconds."""

    what: str
    fetched: Sequence[str]
    took: float
    start_took: float
    used: Mapping[str, str]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; return 1 if secrets were fetched more or less often than they should be."""
    parser = argparse.ArgumentParser("python -m core_backend.testing.demo", description=__doc__)
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=_example(),
        help="the function's code, with handler.py and secret_names.py (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print the invocations as JSON")
    options = parser.parse_args(argv)
    folder: Path = options.folder
    if not (folder / "secret_names.py").is_file():
        parser.error(f"{folder} has no secret_names.py; change to where it is, or name another")
    names = _read_names(folder)
    # For a program, standard output has nothing but the JSON.
    with contextlib.redirect_stdout(sys.stderr if options.json else sys.stdout):
        with MotoServer() as server:
            steps = _play(server, folder, names)
        code = _judge(steps, names)
    if options.json:
        _say(json.dumps([_data(step) for step in steps], indent=2))
    return code


def _example() -> Path:
    """Return the folder of the example: the repository's or, from anywhere else, the wheel's."""
    here = Path("examples/charges")
    return here if here.is_dir() else Path(__file__).parent / "charges"


def _read_names(folder: Path) -> list[SecretName[str]]:
    module = runpy.run_path(str(folder / "secret_names.py"))
    return [value for value in module.values() if isinstance(value, SecretName)]


def _play(server: MotoServer, folder: Path, names: Sequence[SecretName[str]]) -> list[Step]:
    client = server.client()
    real_names = {name: get_resource_name(name, _ENV_NAME) for name in names}
    _say(f"Secrets Manager (moto's server at {server.url}) holds")
    for real_name in real_names.values():
        client.create_secret(Name=real_name, SecretString=_random_value())
        _say(f"    {real_name}")
    _say(f"{folder}/handler.py runs under the Lambda runtime client; a value's ttl is {_TTL:g} s")
    env = server.env | {name.env_key: real_names[name] for name in names}
    with LocalLambda(task_root=folder, env={**env, "CORE_BACKEND_TTL": str(_TTL)}) as function:
        steps = [_invoke(what, function, server) for what in ("1  cold", "2  warm", "3  warm")]
        function.freeze()
        rotated = real_names[names[0]]
        client.put_secret_value(SecretId=rotated, SecretString=_random_value())
        _say(f"   (the function is frozen for {_FROZEN:g} s; meanwhile {rotated} is rotated)")
        time.sleep(_FROZEN)
        steps += [_invoke(what, function, server) for what in ("4  warm, expired", "5  warm")]
    return steps


def _random_value() -> str:
    return os.urandom(16).hex()


def _invoke(what: str, function: LocalLambda, server: MotoServer) -> Step:
    before = len(server.fetches)
    result = function.invoke(http_api_event("POST", "/charges", body={"amount": 1200}))
    step = Step(
        what,
        server.fetches[before:],
        result.duration * 1000,
        (result.init_duration or 0) * 1000,
        json.loads(result.payload["body"])["used"],
    )
    _say(_describe(step))
    return step


def _describe(step: Step) -> str:
    start = f", after {step.start_took:.0f} ms to start" if step.start_took else ""
    calls = f"{len(step.fetched)} calls: {', '.join(step.fetched)}" if step.fetched else "no call"
    used = "  ".join(f"{name} {fingerprint}" for name, fingerprint in step.used.items())
    return f"{step.what:<20}{step.took:7.1f} ms{start}\n      fetched in {calls}\n      used {used}"


def _data(step: Step) -> dict[str, Any]:
    return {
        "invocation": " ".join(step.what.split()),
        "milliseconds": round(step.took, 1),
        "start_milliseconds": round(step.start_took, 1),
        "fetched": [*step.fetched],
        "used": dict(step.used),
    }


def _judge(steps: Sequence[Step], names: Sequence[SecretName[str]]) -> int:
    calls = [len(step.fetched) for step in steps]
    expected = [len(names), 0, 0, len(names), 0]
    changed = {str(name) for name in names if steps[0].used[name] != steps[-1].used[name]}
    _say(f"{len(steps)} invocations of {len(names)} secrets took {sum(calls)} calls")
    if calls == expected and changed == {names[0]}:
        _say(f"only {names[0]} changed, as it was rotated")
        return 0
    sys.stderr.write(
        f"expected {expected} calls and not {calls}; expected a new {names[0]} and not a new "
        f"{', '.join(sorted(changed)) or 'nothing'}\n"
    )
    return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
