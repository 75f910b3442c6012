"""``secrets set``, ``import`` and ``copy``: values into Secrets Manager."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core_backend.cli.aws import Account, Found, State
from core_backend.cli.declarations import RealNames
from core_backend.cli.output import format_time, print_json, print_table, progress
from core_backend.cli.reads import STYLES, Reading, read_values, report_left_out
from core_backend.cli.real_names import find_targets
from core_backend.cli.run import CommandError
from core_backend.cli.terminal import at_terminal, confirm, read_typed_value
from core_backend.cli.values import Given, find_fault, read_file, read_stdin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from core_backend.cli.declarations import Declarations, DeclaredSecret
    from core_backend.cli.run import Run
    from core_backend.values import SecretBytes, SecretText

__all__ = ["copy_secrets", "import_secrets", "set_secret"]


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


def set_secret(run: Run, secret: DeclaredSecret, real_names: RealNames) -> None:
    """Ask for a value, or read it from standard input, and store it.

    Raises:
        CommandError: Nothing was written; the message says why.
    """
    # First of all, so that a value which is typed at once meets a prompt that hides it.
    value = read_typed_value(secret) if at_terminal() else read_stdin(secret)
    run.mask.add(value)
    if (fault := find_fault(value, secret)) is not None:
        raise CommandError(fault, "Nothing was written.")
    account = Account(run)
    [(_, secret_id)] = find_targets(account, [secret], real_names, required=True)
    found = account.describe(secret_id)
    if (refusal := _find_refusal(account, secret, secret_id, found)) is not None:
        raise refusal
    if found.state is State.MISSING:
        _confirm_new_environment(account, real_names, [secret_id])
    if found.state is State.SET:
        known = (
            f"{secret_id} in {account.place} already has a value, changed "
            f"{format_time(found.last_changed)}"
        )
        confirm(run, f"{known}. Replace it?", f"{known}; nothing was written")
    version = _write(account, secret_id, value, found)
    if run.output == "json":
        print_json({"name": secret.name, "secret": secret_id, "version": version})
    else:
        sys.stdout.write(f"{secret_id} is set, version {version}.\n")


def import_secrets(run: Run, file: Path, declared: Declarations, real_names: RealNames) -> None:
    """Write the values of a file: plan, ask, and write.

    Raises:
        CommandError: Something was not written; the message says what was and what was not.
    """
    values = read_file(file, declared)
    for given in values:
        run.mask.add(given.value)
    if faults := [fault for one in values if (fault := find_fault(one.value, one.secret))]:
        raise CommandError(f"{file}: {'; '.join(faults)}", "Nothing was written.")
    _plan_and_write(run, values, real_names)


def copy_secrets(
    run: Run, other: Run, secrets: Sequence[DeclaredSecret], env_names: tuple[str, str]
) -> int:
    """Write the values of one environment into another, and return the exit code.

    Args:
        run: The options for the environment that is read.
        other: The options for the environment that is written.
        secrets: Which secrets.
        env_names: The environment that is read, and the one that is written.

    Raises:
        CommandError: Something was not written; the message says what was and what was not.
    """
    first, second = map(RealNames, env_names)
    account = Account(run)
    readings = read_values(account, find_targets(account, secrets, first))
    values = [Given(one.secret, one.value) for one in readings if one.value is not None]
    left_out = [one for one in readings if one.value is None]
    report_left_out(account, left_out)
    if not values:
        raise CommandError(f"there is no value to copy from {first}", "Nothing was written.")
    _plan_and_write(other, values, second)
    return 1 if left_out else 0


def _plan_and_write(run: Run, values: Sequence[Given], real_names: RealNames) -> None:
    account = Account(run)
    secrets = [given.secret for given in values]
    targets = find_targets(account, secrets, real_names, required=True)
    readings = read_values(account, targets)
    steps = [_plan_step(account, *pair) for pair in zip(values, readings, strict=True)]
    due = [step for step in steps if step.action is not Action.UNCHANGED]
    as_table = run.output == "table"
    if as_table:
        rows = [
            (step.given.secret.name, step.secret_id, step.found.state, step.action, step.note)
            for step in steps
        ]
        print_table(("NAME", "SECRET", "STATE", "PLAN", ""), rows, styles=_STYLES)
    _raise_if_refused(steps)
    count = f"{len(due)} secret{'s' * (len(due) != 1)}"
    if due:
        new = [step.secret_id for step in due if step.found.state is State.MISSING]
        if as_table:
            sys.stdout.write("\n")
        _confirm_new_environment(account, real_names, new)
        confirm(run, f"Write {count} in {account.place}?", "nothing was written")
        _carry_out(account, due)
    if as_table:
        sys.stdout.write(f"Wrote {count}.\n" if due else "\nNothing to do.\n")
    else:
        print_json(
            [
                {"name": step.given.secret.name, "secret": step.secret_id}
                | {"state": step.found.state.value, "action": step.action.value}
                for step in steps
            ]
        )


def _find_refusal(
    account: Account, secret: DeclaredSecret, secret_id: str, found: Found
) -> CommandError | None:
    """Return why no value can be written to a secret in this state; ``None`` if one can."""
    match found.state:
        case State.MISSING if not account.run.create:
            return CommandError(
                f"{secret_id} does not exist in {account.place}",
                "Deploy the stack that declares it; or pass --create if none does.",
            )
        case State.PENDING_DELETION:
            return CommandError(
                f"{secret_id} is marked for deletion",
                f"Restore it: core-backend secrets restore {secret.name}",
            )
        case State.DENIED:
            return CommandError(
                f"access denied to {secret_id}, or there is no such secret",
                "Ask for secretsmanager:DescribeSecret on it, or name another --profile.",
            )
        case _:
            return None


def _confirm_new_environment(
    account: Account, real_names: RealNames, secret_ids: Sequence[str]
) -> None:
    """Ask before the first secrets of an environment are created: its name may be misspelt.

    Raises:
        CommandError: There is nobody to ask.
        click.Abort: The answer is no.
    """
    if account.run.assume_yes or not secret_ids:
        return
    # A function or a template tells no environment, but its real names begin with one.
    prefix = f"{real_names.env_name or secret_ids[0].partition('/')[0]}/"
    try:
        known = bool(account.list_secrets(prefix))
    except CommandError:
        # These credentials may not list secrets, so it is left to the person.
        known = False
    if not known:
        fact = f"no secret under {prefix} was found in {account.place}"
        confirm(
            account.run,
            f"{fact[0].upper()}{fact[1:]}. Create {', '.join(secret_ids)}?",
            f"{fact}; nothing was written",
        )


def _plan_step(account: Account, given: Given, reading: Reading) -> Step:
    """Compare a value with what was found, and decide what to do."""
    secret, secret_id, found, current = reading
    refusal = _find_refusal(account, secret, secret_id, found)
    if refusal is not None:
        return Step(given, secret_id, found, Action.REFUSED, refusal.what)
    if found.state is not State.SET:
        return Step(given, secret_id, found, Action.CREATE)
    if current is None:
        return Step(given, secret_id, found, Action.REPLACE, "not compared: it may not be read")
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


def _raise_if_refused(steps: Sequence[Step]) -> None:
    refused = [step.given.secret.name for step in steps if step.action is Action.REFUSED]
    if refused:
        raise CommandError(
            f"nothing was written, because these cannot be written: {', '.join(refused)}",
            "Put that right, or leave them out; --create creates secrets that no stack declares.",
        )


def _carry_out(account: Account, due: Sequence[Step]) -> None:
    done = 0
    try:
        with progress("Writing", len(due)) as advance:
            for step in due:
                _write(account, step.secret_id, step.given.value, step.found)
                done += 1
                advance()
    except CommandError as error:
        raise _interruption(due, done, error) from error
    except KeyboardInterrupt:
        raise _interruption(due, done, CommandError("stopped", uncertain=True)) from None


def _write(account: Account, secret_id: str, value: SecretText | SecretBytes, found: Found) -> str:
    """Store the value, and return its version.

    Raises:
        CommandError: It was not stored, or, if ``uncertain``, perhaps it was.
    """
    store = account.create if found.state is State.MISSING else account.put
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
