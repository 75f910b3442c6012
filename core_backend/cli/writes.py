"""``secrets set`` and ``secrets import``: values written into Secrets Manager."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core_backend.cli.aws import Found, SecretsManager, State
from core_backend.cli.output import concurrently, print_table, progress
from core_backend.cli.run import CommandError
from core_backend.cli.status import STYLES, format_time
from core_backend.cli.terminal import at_terminal, confirm, read_typed_value
from core_backend.cli.values import Given, find_fault, read_file, read_stdin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from core_backend.cli.declarations import Declarations, DeclaredSecret
    from core_backend.cli.run import Mask, Run
    from core_backend.values import SecretBytes, SecretText

__all__ = ["import_secrets", "set_secret"]


class Action(StrEnum):
    """What will be done with one secret."""

    CREATE = "create"
    """Store its first value."""
    REPLACE = "replace"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


_STYLES: Mapping[str, str] = {
    **STYLES,
    Action.CREATE: "green",
    Action.REPLACE: "yellow",
    Action.UNCHANGED: "dim",
    Action.REFUSED: "red",
}


class Step(NamedTuple):
    """One secret of the plan."""

    given: Given
    secret_id: str
    found: Found
    action: Action
    note: str = ""
    """Why the secret is refused, or why its values were not compared."""


def set_secret(
    run: Run, secret: DeclaredSecret, env_name: str, *, create: bool, assume_yes: bool
) -> None:
    """Ask for a value, or read it from standard input, and store it.

    Raises:
        CommandError: Nothing was written; the message says why.
    """
    secret_id = secret.real_name(env_name)
    manager = SecretsManager(run)
    found = manager.describe(secret_id)
    if (refusal := _find_refusal(secret_id, found, create=create)) is not None:
        raise refusal
    if found.state is State.SET:
        known = f"{secret_id} already has a value, changed {format_time(found.last_changed)}"
        confirm(f"{known}. Replace it?", f"{known}; nothing was written", assume_yes=assume_yes)
    value = read_typed_value(secret) if at_terminal() else read_stdin(secret)
    run.mask.add(value)
    if (fault := find_fault(value, secret)) is not None:
        raise CommandError(fault, "Nothing was written.")
    version = _write(manager, secret_id, value, found)
    sys.stdout.write(f"{secret_id} is set, version {version}.\n")


def import_secrets(  # noqa: PLR0913  # what the command was given
    run: Run,
    file: Path,
    declared: Declarations,
    env_name: str,
    *,
    create: bool,
    assume_yes: bool,
) -> None:
    """Plan, ask, and write.

    Raises:
        CommandError: Something was not written; the message says what was and what was not.
    """
    values = read_file(file, declared)
    for given in values:
        run.mask.add(given.value)
    if faults := [fault for one in values if (fault := find_fault(one.value, one.secret))]:
        raise CommandError(f"{file}: {'; '.join(faults)}", "Nothing was written.")
    manager = SecretsManager(run)

    def plan(given: Given) -> Step:
        secret_id = given.secret.real_name(env_name)
        return _plan_step(manager, given, secret_id, run.mask, create=create)

    steps = concurrently("Comparing", plan, values)
    _show(steps)
    _refuse(steps)
    due = [step for step in steps if step.action is not Action.UNCHANGED]
    if not due:
        sys.stdout.write("\nNothing to do.\n")
        return
    count = _count(len(due))
    sys.stdout.write("\n")
    confirm(f"Write {count}?", "nothing was written", assume_yes=assume_yes)
    _carry_out(manager, due)
    sys.stdout.write(f"Wrote {count}.\n")


def _find_refusal(secret_id: str, found: Found, *, create: bool) -> CommandError | None:
    """Return why a secret in this state takes no value; ``None`` if it does."""
    match found.state:
        case State.MISSING if not create:
            return CommandError(
                f"{secret_id} does not exist in this account and Region",
                "Deploy the stack that declares it; or pass --create if none does.",
            )
        case State.PENDING_DELETION:
            return CommandError(
                f"{secret_id} is marked for deletion",
                f"Restore it: aws secretsmanager restore-secret --secret-id {secret_id}",
            )
        case State.DENIED:
            return CommandError(
                f"access denied to {secret_id}, or there is no such secret",
                "Ask for secretsmanager:DescribeSecret on it, or name another --profile.",
            )
        case _:
            return None


def _plan_step(
    manager: SecretsManager, given: Given, secret_id: str, mask: Mask, *, create: bool
) -> Step:
    """Look at a secret, and at its current value if it has one, and decide what to do.

    Raises:
        CommandError: AWS could not be asked.
    """
    found = manager.describe(secret_id)
    refusal = _find_refusal(secret_id, found, create=create)
    if refusal is not None:
        return Step(given, secret_id, found, Action.REFUSED, refusal.what)
    if found.state is not State.SET:
        return Step(given, secret_id, found, Action.CREATE)
    current = manager.get(secret_id)
    if current is None:
        return Step(given, secret_id, found, Action.REPLACE, "not compared: it may not be read")
    mask.add(current)
    action = Action.UNCHANGED if _is_same(given, current) else Action.REPLACE
    return Step(given, secret_id, found, action)


def _is_same(given: Given, current: SecretText | SecretBytes) -> bool:
    if given.value == current:
        return True
    if not given.structured:
        return False
    try:
        return bool(json.loads(given.value) == json.loads(current))
    except (ValueError, RecursionError):
        return False


def _show(steps: Sequence[Step]) -> None:
    rows = [
        (step.given.secret.name, step.secret_id, step.found.state, step.action, step.note)
        for step in steps
    ]
    print_table(("NAME", "SECRET", "STATE", "PLAN", ""), rows, styles=_STYLES)


def _refuse(steps: Sequence[Step]) -> None:
    refused = [step.given.secret.name for step in steps if step.action is Action.REFUSED]
    if refused:
        raise CommandError(
            f"nothing was written, because these cannot be written: {', '.join(refused)}",
            "Put that right, or leave them out of the file; --create creates secrets that no "
            "stack declares.",
        )


def _carry_out(manager: SecretsManager, due: Sequence[Step]) -> None:
    done = 0
    try:
        with progress("Writing", len(due)) as advance:
            for step in due:
                _write(manager, step.secret_id, step.given.value, step.found)
                done += 1
                advance()
    except CommandError as error:
        raise _interruption(due, done, error) from error
    except KeyboardInterrupt:
        raise _interruption(due, done, CommandError("stopped", uncertain=True)) from None


def _write(
    manager: SecretsManager, secret_id: str, value: SecretText | SecretBytes, found: Found
) -> str:
    """Store the value, and return its version.

    Raises:
        CommandError: It was not stored, or, if ``uncertain``, perhaps it was.
    """
    store = manager.create if found.state is State.MISSING else manager.put
    try:
        return store(secret_id, value)
    except KeyboardInterrupt:
        raise CommandError(
            f"stopped while {secret_id} was being written: it may have its new value, or not",
            "See core-backend secrets status.",
            uncertain=True,
        ) from None


def _interruption(due: Sequence[Step], done: int, error: CommandError) -> CommandError:
    """Return an error that says which secrets were written before ``error``, and which not."""
    names = [step.given.secret.name for step in due]
    left = names[done:]
    sentences = [f"Written: {', '.join(names[:done]) or 'nothing'}."]
    if error.uncertain:
        sentences.append(f"Perhaps written: {left.pop(0)}.")
    if left:
        sentences.append(f"Not written: {', '.join(left)}.")
    sentences.append("Run it again to finish the rest.")
    return CommandError(error.what, " ".join(sentences))


def _count(secrets: int) -> str:
    return f"{secrets} secret{'s' * (secrets != 1)}"
