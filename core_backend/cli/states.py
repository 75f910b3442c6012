"""In which state a secret can be found, without looking at its value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Found", "State", "shown"]


class State(StrEnum):
    """What a person who fills secrets needs to know of one."""

    MISSING = "missing"
    """No such secret in this account and Region: its stack is not deployed."""
    EMPTY = "empty"
    """Declared, but nobody has given it a value."""
    SET = "set"
    PENDING_DELETION = "pending deletion"
    DENIED = "denied"
    """Not to be seen with these credentials; it may not even exist."""


@dataclass(frozen=True)
class Found:
    """What DescribeSecret tells."""

    state: State
    last_changed: datetime | None = None
    last_rotated: datetime | None = None
    version: str | None = None
    """The id of the current version."""


def shown(moment: datetime | None) -> str:
    """Return a moment as a person reads it, in UTC like AWS's console and logs."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ") if moment else "-"
