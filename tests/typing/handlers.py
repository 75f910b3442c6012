"""What type checkers make of handlers. Never executed: mypy and pyright have to accept it."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import Any, assert_type

from core_backend import SecretName, async_handler, configure


@async_handler
async def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Handle an event of this type."""
    return {"statusCode": 200}


assert_type(handler({}, None), Any)
handler("event", None)  # type: ignore[arg-type]
handler({})  # type: ignore[call-arg]


@async_handler(prefetch=[SecretName("key"), "plain-id"])
async def eager(event: dict[str, Any], context: object) -> None:
    """Handle an event of this type."""


eager({}, None)
eager("event", None)  # type: ignore[arg-type]


@async_handler  # type: ignore[arg-type]
def plain(event: object, context: object) -> None:
    """Not an async def."""


with configure(ttl=60, source="sdk"):
    pass
