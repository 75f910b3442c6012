"""One value on its way into Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_backend.cli.errors import CommandError
from core_backend.cli.states import State

if TYPE_CHECKING:
    from core_backend.cli.aws import SecretsManager
    from core_backend.cli.states import Found
    from core_backend.values import SecretBytes, SecretText

__all__ = ["refusal", "write"]


def refusal(secret_id: str, found: Found, *, create: bool) -> CommandError | None:
    """Return why no value can be stored in a secret of that state; ``None`` where one can."""
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


def write(
    manager: SecretsManager, secret_id: str, value: SecretText | SecretBytes, found: Found
) -> str:
    """Store the value, and return its version.

    Raises:
        CommandError: It was not stored, or it is ``uncertain`` whether it was.
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
