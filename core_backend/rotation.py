"""Using a secret that may have been rotated since it was fetched."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from core_backend.errors import ConfigurationError
from core_backend.secrets import get_secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core_backend._typing import Yields

    Kinds = type[Exception] | tuple[type[Exception], ...]

__all__ = ["with_secret"]

T = TypeVar("T")
R = TypeVar("R")

_log = logging.getLogger("core_backend")


@overload
async def with_secret(
    secret: Yields[T], use: Callable[[T], Awaitable[R]], *, retry_on: Kinds
) -> R: ...
@overload
async def with_secret(secret: Yields[T], use: Callable[[T], R], *, retry_on: Kinds) -> R: ...
async def with_secret(secret: Any, use: Callable[[Any], Any], *, retry_on: Kinds) -> Any:
    """Use a secret's value, and once more with the new one if it was refused and is out of date.

    A password that is rotated stays in warm caches for as long as they live. This is how its
    users recover: those who are refused fetch it past the cache, all of them together at most
    once a second, and try again only with another version.

    Args:
        secret: What ``get_secret`` takes.
        use: Called with the value, at most twice. Sync or async. What it does before it is
            refused must bear being done twice; connecting does.
        retry_on: The exceptions that mean the value was refused, one class or several.

    Returns:
        What ``use`` returns.

    Raises:
        SecretError: The value, or the new one, could not be had; see ``core_backend.errors``. In
            the second case the refusal is its context.
        ConfigurationError: ``retry_on`` is something else than one exception or more.

    Whatever ``use`` raises is raised as it is: at once if it is none of ``retry_on``, and of
    those if the secret's version has not changed.
    """
    _check(retry_on)
    value, version = await get_secret(secret).with_version()
    try:
        return await _used(use, value)
    except retry_on:
        value, latest = await get_secret(secret, fresh=True).with_version()
        if latest == version:
            raise
        _log.info("secret %r was refused, and has a new version: trying that", str(secret))
    # Outside of the except: a second refusal is not a consequence of the first.
    return await _used(use, value)


async def _used(use: Callable[[Any], Any], value: Any) -> Any:
    result = use(value)
    return await result if inspect.isawaitable(result) else result


def _check(retry_on: Any) -> None:
    kinds = cast("tuple[object, ...]", retry_on if isinstance(retry_on, tuple) else (retry_on,))
    # None at all would never try again: that is wrong too.
    for kind in kinds or (kinds,):
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise ConfigurationError(
                f"with_secret's retry_on is to be an exception class, or a tuple of one or more, "
                f"not {kind!r:.80}"
            )
