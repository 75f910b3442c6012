"""``secrets status``, ``list`` and ``restore``: which secrets there are, and in which state."""

from __future__ import annotations

import sys
from datetime import UTC
from typing import TYPE_CHECKING

from core_backend.cli.aws import Account, State
from core_backend.cli.output import concurrently, format_time, print_json, print_table
from core_backend.cli.reads import STYLES, Reading, advise_missing, read_values
from core_backend.cli.real_names import find_targets
from core_backend.cli.run import CommandError
from core_backend.cli.values import find_fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from core_backend.cli.aws import Found
    from core_backend.cli.declarations import Declarations, DeclaredSecret, RealNames
    from core_backend.cli.run import Run

__all__ = ["list_undeclared", "restore_secret", "show_status"]

# The first characters of a version's id tell it from others well enough.
_VERSION_LENGTH = 8
_OK = "ok"
_FROM_STACK = "still the value that its stack generated"


def show_status(run: Run, declared: Declarations, real_names: RealNames, *, verify: bool) -> int:
    """Print the state of each secret, and return the exit code.

    Args:
        run: The options of this run.
        declared: The module of names.
        real_names: Where the real names come from.
        verify: Whether values are fetched and checked.
    """
    account = Account(run)
    targets = find_targets(account, declared.secrets, real_names)
    if verify:
        readings = read_values(account, targets)
    else:
        states = concurrently("Looking up", account.describe, [one.secret_id for one in targets])
        readings = [
            Reading(target.secret, target.secret_id, found, None)
            for target, found in zip(targets, states, strict=True)
        ]
    verdicts = [_verify(one) if verify else None for one in readings]
    rows = list(zip(readings, verdicts, strict=True))
    if run.output == "json":
        print_json(
            [
                {"name": one.secret.name, **_record(one.secret_id, one.found)}
                | ({"value": verdict} if verify else {})
                for one, verdict in rows
            ]
        )
    else:
        headers = ["NAME", "SECRET", "STATE", "CHANGED", "ROTATED", "VERSION"]
        print_table(
            [*headers, "VALUE"] if verify else headers,
            [
                [
                    one.secret.name,
                    one.secret_id,
                    one.found.state,
                    format_time(one.found.last_changed),
                    format_time(one.found.last_rotated),
                    (one.found.version or "-")[:_VERSION_LENGTH],
                    *([verdict or "-"] if verify else ()),
                ]
                for one, verdict in rows
            ],
            styles={**STYLES, _OK: "green", _FROM_STACK: "yellow"},
        )
        _advise(account, declared, real_names, readings)
    good = all(
        one.found.state is State.SET and verdict in {None, _OK, _FROM_STACK}
        for one, verdict in rows
    )
    return 0 if good else 1


def list_undeclared(run: Run, declared: Declarations, env_name: str) -> None:
    """Print the secrets of an environment that the module of names does not declare."""
    account = Account(run)
    prefix = f"{env_name}/"
    names = {secret.real_name(env_name) for secret in declared.secrets}
    others = [
        (secret_id, found)
        for secret_id, found in account.list_secrets(prefix).items()
        if secret_id not in names
    ]
    if run.output == "json":
        print_json([_record(secret_id, found) for secret_id, found in others])
    elif others:
        rows = [
            (secret_id, found.state, format_time(found.last_changed)) for secret_id, found in others
        ]
        print_table(("SECRET", "STATE", "CHANGED"), rows, styles=STYLES)
    else:
        sys.stdout.write(
            f"{declared.module} declares every secret under {prefix} in {account.place}.\n"
        )


def restore_secret(run: Run, secret: DeclaredSecret, real_names: RealNames) -> None:
    """Take back the deletion of a secret.

    Raises:
        CommandError: The secret does not exist, or may not be restored.
    """
    account = Account(run)
    [(_, secret_id)] = find_targets(account, [secret], real_names, required=True)
    found = account.describe(secret_id)
    if found.state is State.MISSING:
        raise CommandError(
            f"{secret_id} does not exist in {account.place}",
            "Its deletion is complete, or it is in another account or Region.",
        )
    pending = found.state in {State.PENDING_DELETION, State.DENIED}
    if pending:
        # If it may not be described, it may perhaps be restored.
        account.restore(secret_id)
    if run.output == "json":
        print_json({"name": secret.name, "secret": secret_id, "restored": pending})
    elif pending:
        sys.stdout.write(f"{secret_id} is restored.\n")
    else:
        sys.stdout.write(f"{secret_id} is not marked for deletion; nothing to do.\n")


def _verify(reading: Reading) -> str | None:
    """Return what is wrong with a value, ``ok``, or ``None`` if there is no value."""
    secret, value = reading.secret, reading.value
    if value is None:
        return "may not be read" if reading.found.state is State.SET else None
    if (fault := find_fault(value, secret)) is not None:
        return fault
    # Parsers decide for themselves, and a key in PEM form ends with a line end.
    if isinstance(value, str) and all(shape.parse is None for shape in secret.shapes):
        if value != value.strip() and not value.startswith("-----BEGIN "):
            return "begins or ends with white space"
        if reading.found.from_stack:
            return _FROM_STACK
    return _OK


def _record(secret_id: str, found: Found) -> dict[str, str | None]:
    return {
        "secret": secret_id,
        "state": found.state.value,
        "last_changed": _iso(found.last_changed),
        "last_rotated": _iso(found.last_rotated),
        "version": found.version,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _advise(
    account: Account, declared: Declarations, real_names: RealNames, readings: Sequence[Reading]
) -> None:
    """Propose the next step on standard error."""
    known = {one.secret.name for one in readings}
    if absent := [one.name for one in declared.secrets if one.name not in known]:
        sys.stderr.write(f"\nNot used by {real_names}: {', '.join(absent)}\n")
    advise_missing(account, readings)
    empty = [one.secret.name for one in readings if one.found.state is State.EMPTY]
    if empty:
        sys.stderr.write(
            f"\nFill the next one: core-backend secrets set {empty[0]}{declared.options} "
            f"{real_names.options}{account.run.aws_options}\n"
        )
