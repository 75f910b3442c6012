"""``secrets get``, ``export`` and ``diff``: values out of Secrets Manager."""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core_backend.cli.aws import Account, Found, State
from core_backend.cli.declarations import RealNames
from core_backend.cli.output import concurrently, print_json, print_table
from core_backend.cli.real_names import find_targets
from core_backend.cli.run import CommandError
from core_backend.cli.terminal import confirm
from core_backend.cli.values import format_env

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core_backend.cli.declarations import Declarations, DeclaredSecret, Target
    from core_backend.cli.run import Run
    from core_backend.values import SecretBytes, SecretText

__all__ = [
    "STYLES",
    "Reading",
    "advise_missing",
    "diff_environments",
    "export_secrets",
    "get_secret",
    "read_values",
    "report_left_out",
]

STYLES: Mapping[str, str] = {
    State.SET: "green",
    State.EMPTY: "yellow",
    State.MISSING: "red",
    State.PENDING_DELETION: "red",
    State.DENIED: "red",
}


class Reading(NamedTuple):
    """One secret as it was found."""

    secret: DeclaredSecret
    secret_id: str
    found: Found
    value: SecretText | SecretBytes | None
    """``None`` if the secret is not set, or may not be read."""

    @property
    def problem(self) -> str:
        """Why there is no value: its state, or ``may not be read``."""
        return self.found.state if self.found.state is not State.SET else "may not be read"


def read_values(account: Account, targets: Sequence[Target]) -> list[Reading]:
    """Return the state of each secret, with its value if it has one, and mask the values.

    Raises:
        CommandError: AWS could not be asked.
    """

    def read(target: Target) -> Reading:
        found = account.describe(target.secret_id)
        value = account.get(target.secret_id) if found.state is State.SET else None
        if value is not None:
            account.run.mask.add(value)
        return Reading(target.secret, target.secret_id, found, value)

    return concurrently("Reading", read, targets)


def get_secret(run: Run, secret: DeclaredSecret, real_names: RealNames, *, reveal: bool) -> None:
    """Print that a secret has a value, and the value itself if ``reveal`` is set.

    Raises:
        CommandError: There is no value, or it may not be read or shown.
    """
    account = Account(run)
    [target] = find_targets(account, [secret], real_names, required=True)
    value = account.get(target.secret_id)
    if value is None:
        raise CommandError(
            f"the value of {target.secret_id} in {account.place} may not be read",
            "Ask for secretsmanager:GetSecretValue on it, and kms:Decrypt on its key.",
        )
    if reveal and sys.stdout.isatty():
        confirm(
            run,
            f"Show the value of {target.secret_id} in {account.place} on this terminal?",
            "the value was not shown",
        )
    text = isinstance(value, str)
    size = len(value.encode() if isinstance(value, str) else value)
    if run.output == "json":
        print_json(
            {
                "name": secret.name,
                "secret": target.secret_id,
                "kind": "text" if text else "base64",
                "bytes": size,
                "value": _to_text(value) if reveal else None,
            }
        )
    elif not reveal:
        headers = ("NAME", "SECRET", "KIND", "BYTES", "VALUE")
        kind = "text" if text else "binary"
        print_table(headers, [(secret.name, target.secret_id, kind, str(size), "***")], styles={})
    else:
        _print_value(value)


def export_secrets(run: Run, file: Path, declared: Declarations, real_names: RealNames) -> int:
    """Write the values into a file that only its owner can read, and return the exit code.

    Raises:
        CommandError: Nothing was written; the message says why.
    """
    # A link may lead to a terminal: /dev/stdout is one. To replace it would be no help either.
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise CommandError(
            f"{file} is not a plain file: values are not written to a terminal, device or link",
            "Name a file.",
        )
    account = Account(run)
    readings = read_values(account, find_targets(account, declared.secrets, real_names))
    values = {one.secret.env_keys[0]: one.value for one in readings if one.value is not None}
    if values:
        content = _format_file(file, {key: _to_text(value) for key, value in values.items()})
        if file.exists():
            known = f"{file} exists already"
            confirm(
                run,
                f"{known}. Overwrite it with the secrets of {account.place}?",
                f"{known}; it was not overwritten",
            )
        _write_privately(file, content)
    left_out = [one for one in readings if one.value is None]
    if run.output == "json":
        records: list[dict[str, str | bool]] = [
            {
                "name": one.secret.name,
                "secret": one.secret_id,
                "state": one.found.state.value,
                "variable": one.secret.env_keys[0],
                "exported": one.value is not None,
            }
            for one in readings
        ]
        print_json(records)
    else:
        where = f" to {file}" if values else ""
        sys.stdout.write(f"Wrote {len(values)} of {len(readings)} values{where}.\n")
    report_left_out(account, left_out)
    return 1 if left_out else 0


def diff_environments(
    run: Run, other: Run, declared: Declarations, env_names: tuple[str, str]
) -> int:
    """Print which secrets have the same value in two environments, and return the exit code."""
    sides: list[list[Reading]] = []
    for its_run, env_name in zip((run, other), env_names, strict=True):
        account = Account(its_run)
        targets = find_targets(account, declared.secrets, RealNames(env_name))
        readings = read_values(account, targets)
        advise_missing(account, readings)
        sides.append(readings)
    pairs = [(one, two, _compare(one, two)) for one, two in zip(*sides, strict=True)]
    if run.output == "json":
        records = [
            {
                "name": one.secret.name,
                "result": result,
                "from": {"secret": one.secret_id, "state": one.found.state.value},
                "to": {"secret": two.secret_id, "state": two.found.state.value},
            }
            for one, two, result in pairs
        ]
        print_json(records)
    else:
        rows = [(a.secret.name, a.found.state, b.found.state, result) for a, b, result in pairs]
        styles = {**STYLES, "same": "green", "different": "yellow"}
        print_table(("NAME", *map(str.upper, env_names), "VALUES"), rows, styles=styles)
    return 0 if all(result == "same" for *_, result in pairs) else 1


def advise_missing(account: Account, readings: Sequence[Reading]) -> None:
    """Say on standard error what to do about secrets that do not exist."""
    missing = [one.secret_id for one in readings if one.found.state is State.MISSING]
    if missing:
        sys.stderr.write(
            f"\nMissing in {account.place}: {', '.join(missing)}\n"
            "Deploy the stack that creates them, or check --env, --region and --profile.\n"
        )


def report_left_out(account: Account, readings: Sequence[Reading]) -> None:
    """Say on standard error which secrets have no value to pass on, and why."""
    if readings:
        names = ", ".join(f"{one.secret.name} ({one.problem})" for one in readings)
        sys.stderr.write(f"Left out: {names}\n")
        advise_missing(account, readings)


def _compare(one: Reading, two: Reading) -> str:
    if one.value is None or two.value is None:
        return "not compared"
    return "same" if one.value == two.value else "different"


def _to_text(value: SecretText | SecretBytes) -> str:
    """Return the value as text: bytes become base64."""
    return str(value) if isinstance(value, str) else base64.b64encode(value).decode()


def _print_value(value: SecretText | SecretBytes) -> None:
    """Print exactly the value. On a terminal, a line end follows it."""
    if isinstance(value, str):
        sys.stdout.write(str(value))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(value)
    if sys.stdout.isatty():
        sys.stdout.write("\n")


def _format_file(file: Path, values: Mapping[str, str]) -> str:
    if file.suffix.lower() == ".json":
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    return "".join(format_env(key, value) for key, value in values.items())


def _write_privately(file: Path, content: str) -> None:
    """Replace the file in one step by one with mode 0600."""
    try:
        # mkstemp gives the file mode 0600.
        number, name = tempfile.mkstemp(dir=file.parent, prefix=".secrets-")
        try:
            with os.fdopen(number, "w", encoding="utf-8", newline="") as private:
                private.write(content)
            Path(name).replace(file)
        finally:
            with suppress(FileNotFoundError):
                Path(name).unlink()
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written: {error.strerror}", "Name another file."
        ) from error
