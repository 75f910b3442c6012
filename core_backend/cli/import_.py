"""``secrets import``: many values from a file, planned first and carried out one by one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core_backend.cli.aws import SecretsManager
from core_backend.cli.concurrently import concurrently
from core_backend.cli.entry import confirm, fault_of
from core_backend.cli.errors import CommandError
from core_backend.cli.files import read_values
from core_backend.cli.output import print_table
from core_backend.cli.plan import Action, plan_step
from core_backend.cli.progress import progress
from core_backend.cli.status import STYLES
from core_backend.cli.writing import write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from core_backend.cli.declarations import Declarations
    from core_backend.cli.files import Given
    from core_backend.cli.plan import Step
    from core_backend.cli.run import Run

__all__ = ["import_secrets"]

_STYLES: Mapping[str, str] = {
    **STYLES,
    Action.CREATE: "green",
    Action.REPLACE: "yellow",
    Action.UNCHANGED: "dim",
    Action.REFUSED: "red",
}


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
        CommandError: Something was not written; says exactly what was and what was not.
    """
    values = read_values(file, declared)
    for given in values:
        run.masked.add(given.value)
    if faults := [fault for one in values if (fault := fault_of(one.value, one.secret))]:
        raise CommandError(f"{file}: {'; '.join(faults)}", "Nothing was written.")
    manager = SecretsManager(run)

    def planned(given: Given) -> Step:
        secret_id = given.secret.real_name(env_name)
        return plan_step(manager, given, secret_id, run.masked, create=create)

    steps = concurrently("Comparing", planned, values)
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
            f"nothing was written: {', '.join(refused)} cannot be",
            "Put that right, or leave it out of the file; --create creates what no stack declares.",
        )


def _carry_out(manager: SecretsManager, due: Sequence[Step]) -> None:
    done = 0
    try:
        with progress("Writing", len(due)) as advance:
            for step in due:
                write(manager, step.secret_id, step.given.value, step.found)
                done += 1
                advance()
    except CommandError as error:
        raise _stopped(due, done, error) from error
    except KeyboardInterrupt:
        raise _stopped(due, done, CommandError("stopped", uncertain=True)) from None


def _stopped(due: Sequence[Step], done: int, error: CommandError) -> CommandError:
    """Return the error that tells what was written before this one, and what was not."""
    names = [step.given.secret.name for step in due]
    left = names[done:]
    told = [f"Written: {', '.join(names[:done]) or 'nothing'}."]
    if error.uncertain:
        told.append(f"Perhaps written: {left.pop(0)}.")
    if left:
        told.append(f"Not written: {', '.join(left)}.")
    told.append("Run it again to finish the rest.")
    return CommandError(error.what, " ".join(told))


def _count(secrets: int) -> str:
    return f"{secrets} secret{'s' * (secrets != 1)}"
