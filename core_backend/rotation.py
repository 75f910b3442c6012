"""Using a secret that may have been rotated since it was fetched."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from core_backend.errors import ConfigurationError, show
from core_backend.secrets import get_secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core_backend._typing import Yields

    Kinds = type[Exception] | tuple[type[Exception], ...]

__all__ = ["with_secret", "with_secret_sync"]

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
    """Use a secret's value, and try once more with a new version if the value is refused.

    After a rotation, warm caches keep the old password until it expires. Callers whose password is
    refused fetch the secret past the cache, all of them together at most once a second, and try
    again only if its version has changed.

    Args:
        secret: What ``get_secret`` takes.
        use: Called with the value, once or twice. Sync or async. It must be safe to do twice what
            it does before the value is refused; connecting is.
        retry_on: The exceptions that mean that the value was refused: one class or several.

    Returns:
        What ``use`` returns.

    Raises:
        SecretError: The value, or the new one, could not be read; see ``core_backend.errors``. If
            it was the new one, the refusal is the error's context.
        ConfigurationError: ``retry_on`` is not one or more classes of exceptions.

    An exception of ``use`` is raised as it is: at once if it is not in ``retry_on``, otherwise if
    the secret's version has not changed.
    """
    _check_kinds(retry_on)
    value, version = await get_secret(secret).with_version()
    try:
        return await _await(use(value))
    except retry_on:
        value, latest = await get_secret(secret, fresh=True).with_version()
        if latest == version:
            raise
        _log_retry(secret)
    # Outside of the except: a second refusal is not a consequence of the first.
    return await _await(use(value))


def with_secret_sync(secret: Yields[T], use: Callable[[T], R], *, retry_on: Kinds) -> R:
    """Do what ``with_secret`` does, from sync code. Blocks while the secret is fetched.

    Args:
        secret: What ``get_secret`` takes.
        use: Called with the value, once or twice. Not async.
        retry_on: The exceptions that mean that the value was refused: one class or several.

    Returns:
        What ``use`` returns.

    Raises:
        SecretError: The value, or the new one, could not be read.
        ConfigurationError: ``retry_on`` is not one or more classes of exceptions, or ``use`` is
            async.
    """
    _check_kinds(retry_on)
    value, version = get_secret(secret).result_with_version()
    try:
        return _refuse_awaitable(use(value))
    except retry_on:
        value, latest = get_secret(secret, fresh=True).result_with_version()
        if latest == version:
            raise
        _log_retry(secret)
    # As above.
    return _refuse_awaitable(use(value))


async def _await(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


def _refuse_awaitable(result: R) -> R:
    if not inspect.isawaitable(result):
        return result
    if inspect.iscoroutine(result):
        # It never starts: without this, Python warns that nobody awaited it.
        result.close()
    raise ConfigurationError(
        "with_secret_sync's use is async, and nobody would await it; use "
        "`await with_secret(...)` in async code, or pass a function that is not async"
    )


def _log_retry(secret: Any) -> None:
    # Not str(): that of an enum's member is "Names.STRIPE".
    name = str.__str__(secret)
    _log.info("secret %r was refused, and has a new version: trying that", name)


def _check_kinds(retry_on: Any) -> None:
    kinds: list[Any] = [*retry_on] if isinstance(retry_on, tuple) else [retry_on]
    # An empty tuple would never try again, so it is wrong too.
    if not kinds or not all(
        isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds
    ):
        shown = show(cast("object", retry_on))
        raise ConfigurationError(
            f"retry_on must be an exception class, or a tuple of one or more, not {shown}"
        )
