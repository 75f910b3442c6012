"""What type checkers make of handlers. Never executed: mypy and pyright have to accept it."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from core_backend import SecretName, async_handler, configure, prefetch, sync_handler

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = SecretName("key")

prefetch(KEY, "plain-id", KEY.json())
prefetch([KEY])  # type: ignore[arg-type]


@async_handler
async def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Handle an event of this type."""
    return {"statusCode": 200}


assert_type(handler({}, None), Any)
handler(event={}, context=None)
handler("event", None)  # type: ignore[arg-type]
handler({})  # type: ignore[call-arg]


@async_handler(prefetch=[KEY, "plain-id"])
async def eager(event: dict[str, Any], context: object) -> None:
    """Handle an event of this type."""


eager({}, None)
eager("event", None)  # type: ignore[arg-type]


@async_handler  # type: ignore[arg-type]
def plain(event: object, context: object) -> None:
    """Not an async def."""


@sync_handler
def charge(event: dict[str, Any], context: object) -> dict[str, int]:
    """Handle an event of this type."""
    return {"statusCode": 200}


assert_type(charge({}, None), dict[str, int])
charge("event", None)  # type: ignore[arg-type]


class Charges:
    """Handlers that are methods."""

    @async_handler
    async def later(self, event: dict[str, Any], context: object) -> str:
        """Handle an event of this type."""
        return ""

    @sync_handler(prefetch=[KEY])
    def now(self, event: dict[str, Any], context: object) -> str:
        """Handle an event of this type."""
        return ""

    def plain(self, event: dict[str, Any], context: object) -> str:
        """Handle an event of this type."""
        return ""

    def __call__(self, event: dict[str, Any], context: object) -> int:
        """Handle an event of this type, as the adapters of frameworks do."""
        return 0


charges = Charges()
assert_type(charges.later({}, None), Any)
assert_type(charges.now({}, None), str)
charges.now("event", None)  # type: ignore[arg-type]
assert_type(sync_handler(charges.plain)({}, None), str)
assert_type(sync_handler(charges)({}, None), int)
assert_type(sync_handler(prefetch=[KEY])(charges)({}, None), int)
sync_handler(charges)("event", None)  # type: ignore[arg-type]

called_by_lambda: Callable[[dict[str, Any], object], object] = sync_handler(charges)


with configure(ttl=60, source="sdk", warm_up=False):
    pass
