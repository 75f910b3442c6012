"""What an import would do, found out before it does any of it."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core_backend.cli.states import State
from core_backend.cli.writing import refusal

if TYPE_CHECKING:
    from core_backend.cli.aws import SecretsManager
    from core_backend.cli.files import Given
    from core_backend.cli.masking import Masked
    from core_backend.cli.states import Found
    from core_backend.values import SecretBytes, SecretText

__all__ = ["Action", "Step", "plan_step"]


class Action(StrEnum):
    """What becomes of one secret."""

    CREATE = "create"
    """It gets its first value."""
    REPLACE = "replace"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Step(NamedTuple):
    """One secret of the plan."""

    given: Given
    secret_id: str
    found: Found
    action: Action
    note: str = ""
    """Why it is refused, or what could not be told."""


def plan_step(
    manager: SecretsManager, given: Given, secret_id: str, masked: Masked, *, create: bool
) -> Step:
    """Look at a secret, and at its current value if it has one, and say what is to be done.

    Raises:
        CommandError: AWS could not be asked.
    """
    found = manager.describe(secret_id)
    refused = refusal(secret_id, found, create=create)
    if refused is not None:
        return Step(given, secret_id, found, Action.REFUSED, refused.what)
    if found.state is not State.SET:
        return Step(given, secret_id, found, Action.CREATE)
    current = manager.get(secret_id)
    if current is None:
        return Step(given, secret_id, found, Action.REPLACE, "not compared: it may not be read")
    masked.add(current)
    action = Action.UNCHANGED if _same(given, current) else Action.REPLACE
    return Step(given, secret_id, found, action)


def _same(given: Given, current: SecretText | SecretBytes) -> bool:
    if given.value == current:
        return True
    if not given.structured:
        return False
    try:
        return bool(json.loads(given.value) == json.loads(current))
    except (ValueError, RecursionError):
        return False
