"""``secrets set``: one value, from a prompt or a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core_backend.cli.aws import SecretsManager
from core_backend.cli.entry import (
    at_terminal,
    confirm,
    fault_of,
    typed_value,
    value_from_stdin,
)
from core_backend.cli.errors import CommandError
from core_backend.cli.states import State, shown
from core_backend.cli.writing import refusal, write

if TYPE_CHECKING:
    from core_backend.cli.declarations import DeclaredSecret
    from core_backend.cli.run import Run
    from core_backend.cli.states import Found

__all__ = ["set_secret"]


def set_secret(
    run: Run, secret: DeclaredSecret, env_name: str, *, create: bool, assume_yes: bool
) -> None:
    """Ask for a value, or read it, and store it.

    Raises:
        CommandError: Nothing was written; says why.
    """
    secret_id = secret.real_name(env_name)
    manager = SecretsManager(run)
    found = manager.describe(secret_id)
    if (refused := refusal(secret_id, found, create=create)) is not None:
        raise refused
    if found.state is State.SET:
        _confirm_replacing(secret_id, found, assume_yes=assume_yes)
    value = typed_value(secret) if at_terminal() else value_from_stdin(secret)
    run.masked.add(value)
    if (fault := fault_of(value, secret)) is not None:
        raise CommandError(fault, "Nothing was written.")
    version = write(manager, secret_id, value, found)
    sys.stdout.write(f"{secret_id} is set, version {version}.\n")


def _confirm_replacing(secret_id: str, found: Found, *, assume_yes: bool) -> None:
    has_one = f"{secret_id} has a value already, changed {shown(found.last_changed)}"
    confirm(f"{has_one}. Replace it?", f"{has_one}; nothing was written", assume_yes=assume_yes)
