"""``secrets status``: what there is of each declared secret."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC
from typing import TYPE_CHECKING

from core_backend.cli.aws import SecretsManager, State
from core_backend.cli.output import concurrently, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from core_backend.cli.aws import Found
    from core_backend.cli.declarations import Declarations, DeclaredSecret
    from core_backend.cli.run import Run

__all__ = ["STYLES", "format_time", "show_status"]

STYLES: Mapping[str, str] = {
    State.SET: "green",
    State.EMPTY: "yellow",
    State.MISSING: "red",
    State.PENDING_DELETION: "red",
    State.DENIED: "red",
}
# The first characters of a version's id tell it from others well enough.
_VERSION_LENGTH = 8


def show_status(run: Run, declared: Declarations, env_name: str, output: str) -> int:
    """Print the state of each secret, and return the exit code."""
    manager = SecretsManager(run)
    ids = [secret.real_name(env_name) for secret in declared.secrets]
    states = concurrently("Looking up", manager.describe, ids)
    found = list(zip(declared.secrets, states, strict=True))
    if output == "json":
        print_json([_record(secret, env_name, state) for secret, state in found])
    else:
        headers = ("NAME", "SECRET", "STATE", "CHANGED", "ROTATED", "VERSION")
        print_table(
            headers, [_row(secret, env_name, state) for secret, state in found], styles=STYLES
        )
        _advise(run, declared, env_name, found)
    return 0 if all(state.state is State.SET for _, state in found) else 1


def format_time(moment: datetime | None) -> str:
    """Return a time for a person, in UTC like AWS's console and logs."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ") if moment else "-"


def _row(secret: DeclaredSecret, env_name: str, found: Found) -> list[str]:
    return [
        secret.name,
        secret.real_name(env_name),
        found.state,
        format_time(found.last_changed),
        format_time(found.last_rotated),
        (found.version or "-")[:_VERSION_LENGTH],
    ]


def _record(secret: DeclaredSecret, env_name: str, found: Found) -> dict[str, str | None]:
    return {
        "name": secret.name,
        "secret": secret.real_name(env_name),
        "state": found.state.value,
        "last_changed": _iso(found.last_changed),
        "last_rotated": _iso(found.last_rotated),
        "version": found.version,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _advise(
    run: Run,
    declared: Declarations,
    env_name: str,
    found: Sequence[tuple[DeclaredSecret, Found]],
) -> None:
    """Propose the next step on standard error."""
    first = {state.state: secret.name for secret, state in reversed(found)}
    if State.EMPTY in first:
        sys.stderr.write(
            f"\nFill the next one: core-backend secrets set {first[State.EMPTY]} "
            f"--names {shlex.quote(declared.module)} --env {env_name}{run.aws_options}\n"
        )
    elif State.MISSING in first:
        sys.stderr.write(
            "\nA missing secret is created by its stack: deploy it, or check --env, --region and "
            "--profile.\n"
        )
