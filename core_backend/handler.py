"""Decorators that turn what you wrote, sync or async, into the function that Lambda calls."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import time
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from core_backend._clock import Invocation
from core_backend.errors import ConfigurationError
from core_backend.secrets import get_secret, get_secrets

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Coroutine, Iterable

    from core_backend._engine.store import Store
    from core_backend.pending import PendingSecret


__all__ = [
    "async_handler",
    "get_ready",
    "prefetch",
    "sync_handler",
]

_NOT_GIVEN: Any = object()

P = ParamSpec("P")
R = TypeVar("R")


@overload
def async_handler(function: Callable[P, Coroutine[Any, Any, Any]], /) -> Callable[P, Any]: ...
@overload
def async_handler(
    *, prefetch: Iterable[str]
) -> Callable[[Callable[P, Coroutine[Any, Any, Any]]], Callable[P, Any]]: ...
def async_handler(function: Any = _NOT_GIVEN, /, *, prefetch: Iterable[str] = ()) -> Any:
    """Turn an ``async def`` into the plain function that Lambda's runtime client calls.

    One event loop is kept for the life of the process (of the thread, where there are several),
    so clients that belong to a loop survive from one invocation to the next. The remaining time
    of the invocation limits each fetch. Tasks that the handler leaves behind are cancelled before
    its result goes out. Where a loop is running already, as in a test, the function returns the
    coroutine: ``await handler(event, context)``.

    On Lambda the decorator also prepares the first invocation: it connects to the service, or
    waits up to one second for what is being prefetched. The setting ``warm_up`` controls that.

    Args:
        function: The handler: a function or a method, under no other decorator.
        prefetch: Secrets to start fetching now, on Lambda: ``@async_handler(prefetch=[KEY])``.
            See ``core_backend.prefetch``, which can be called above slow imports.

    Raises:
        ConfigurationError: It decorates something other than an ``async def``, or ``prefetch``
            is not a list of names and ids.
    """

    def decorate(function: Any) -> Any:
        # asyncio is slow to import, and code that only names secrets does without.
        from core_backend._loop import get_kept_loop, is_loop_running  # noqa: PLC0415

        _check_async(function)
        get_ready(prefetch, get_kept_loop)

        @functools.wraps(function)
        def handler(*args: Any, **kwargs: Any) -> Any:
            millis = _find_remaining_millis(args, kwargs)
            invocation = _run_limited(function(*args, **kwargs), millis)
            if is_loop_running():
                return invocation
            return get_kept_loop().run(invocation, millis)

        # Lambda and its tools must take it for a plain function, which it is.
        return handler

    return decorate if function is _NOT_GIVEN else decorate(function)


@overload
def sync_handler(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def sync_handler(*, prefetch: Iterable[str]) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def sync_handler(function: Any = _NOT_GIVEN, /, *, prefetch: Iterable[str] = ()) -> Any:
    """Give a ``def``, or anything else that Lambda can call, what ``async_handler`` gives.

    The remaining time of the invocation limits each fetch, in the threads and tasks that inherit
    its context as well. The first invocation is prepared as by ``async_handler``. It may go above
    or below other decorators, and around objects: ``handler = sync_handler(Mangum(app))``.

    Args:
        function: The handler: a function, a method, or an object that can be called.
        prefetch: Secrets to start fetching now, on Lambda: ``@sync_handler(prefetch=[KEY])``.
            See ``core_backend.prefetch``, which can be called above slow imports.

    Raises:
        ConfigurationError: It decorates an ``async def``, or something that cannot be called, or
            ``prefetch`` is not a list of names and ids.
    """

    def decorate(function: Any) -> Any:
        _check_sync(function)
        get_ready(prefetch)

        @functools.wraps(function)
        def handler(*args: Any, **kwargs: Any) -> Any:
            with Invocation(_find_remaining_millis(args, kwargs)):
                result = function(*args, **kwargs)
            if inspect.iscoroutine(result):
                result.close()
                raise ConfigurationError(
                    f"{_describe(function)} returned a coroutine, which Lambda cannot await; put "
                    f"@async_handler directly above the async def, in place of @sync_handler"
                )
            return result

        return handler

    return decorate if function is _NOT_GIVEN else decorate(function)


def _check_async(function: Any) -> None:
    if _is_async(function):
        return
    name = _describe(function)
    if _is_async(inspect.unwrap(function)):
        raise ConfigurationError(
            f"put @async_handler below {_name_decorator(function)}, directly above async def "
            f"{name}; from above, it gets a plain function"
        )
    if not callable(function):
        raise ConfigurationError(f"@async_handler goes above an async def, not above {name}")
    raise ConfigurationError(
        f"@async_handler goes above an async def, and {name} is not one; use @sync_handler, or "
        f"write async def"
    )


def _check_sync(function: Any) -> None:
    name = _describe(function)
    if inspect.iscoroutinefunction(function):
        raise ConfigurationError(f"{name} is an async def; use @async_handler")
    if _is_async(function):
        raise ConfigurationError(
            f"{name} is called asynchronously; use async_handler, or for an ASGI application an "
            f"adapter: sync_handler(Mangum(app))"
        )
    if isinstance(function, (staticmethod, classmethod)):
        raise ConfigurationError(f"put @sync_handler below {_name_decorator(function)}")
    if not callable(function):
        raise ConfigurationError(
            f"sync_handler takes a function, or an object that can be called with event and "
            f"context, not {name}"
        )


def _is_async(function: Any) -> bool:
    """Whether calling it returns a coroutine: of a function, or an object with such a method."""
    method: Any = getattr(function, "__call__", None)  # noqa: B004  # not whether it has one
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(method)


def _describe(function: Any) -> str:
    return getattr(function, "__qualname__", None) or f"{function!r:.80}"


def _name_decorator(function: Any) -> str:
    """Return the name of the decorator that made this function, as far as the function tells."""
    for kind in (staticmethod, classmethod):
        if isinstance(function, kind):
            return f"@{kind.__name__}"
    made_in: str = getattr(getattr(function, "__code__", None), "co_qualname", "")
    name, inside, _ = made_in.partition(".<locals>")
    return f"@{name}" if inside else "the other decorators"


async def _run_limited(
    invocation: Coroutine[Any, Any, R], millis: Callable[[], object] | None
) -> R:
    """Run an invocation with its remaining time as a limit to each fetch."""
    with Invocation(millis):
        return await invocation


def _find_remaining_millis(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[], object] | None:
    """Return what tells the remaining time: a method of the context, which is the last argument."""
    for argument in reversed((*args, *kwargs.values())):
        millis: Callable[[], object] | None = getattr(
            argument, "get_remaining_time_in_millis", None
        )
        if callable(millis):
            return millis
    return None


# How long the start of a function waits in all, in seconds: to be connected, and for the values
# that are being prefetched.
_CONNECTING = 0.25
_FETCHING = 1.0


def prefetch(*secrets: str) -> None:
    """Start fetching secrets on Lambda while the module is still being imported.

    Call it above the imports that are slow. ``@async_handler`` and ``@sync_handler`` wait up to
    one second for the values, so that the first invocation finds them in the cache. In the
    handler, ask for them as usual. A fetch that fails raises there, not here.

    It does nothing outside of Lambda. Under SnapStart it fetches after each restore, because a
    snapshot holds neither values nor connections.

    Source: Lambda developer guide, "Defined runtime environment variables" and "Implement code
    before or after Lambda function snapshots".

    Args:
        *secrets: What ``get_secret`` takes: names, ids, real names.

    Raises:
        ConfigurationError: An argument is not a ``str``. It is raised outside of Lambda as well,
            so that a test finds the mistake.
    """
    _check(secrets)
    if secrets:
        _run_at_start(lambda: _get_start().fetch(secrets))


def get_ready(prefetch: Iterable[str], prepare: Callable[[], object] | None = None) -> None:
    """Prepare the first invocation, and wait until that is done, for a bounded time.

    Args:
        prefetch: Secrets to fetch.
        prepare: What else to do; it is called while the connection is being made.

    Raises:
        ConfigurationError: As ``prefetch`` does.
    """
    secrets = _check(prefetch)

    def run() -> None:
        start = _get_start()
        start.fetch(secrets)
        if start.store.settings.warm_up:
            start.connect()
            if prepare is not None:
                prepare()
        start.wait()

    _run_at_start(run)


def _check(secrets: Iterable[object]) -> tuple[str, ...]:
    # The letters of a single str are not secrets.
    given = [None] if isinstance(secrets, str) else list(secrets)
    names = tuple(secret for secret in given if isinstance(secret, str))
    if len(names) != len(given):
        raise ConfigurationError(
            f"prefetch takes SecretNames and ids, as in prefetch(STRIPE_API_KEY) and "
            f"@async_handler(prefetch=[STRIPE_API_KEY]), not {secrets!r:.80}"
        )
    return names


def _run_at_start(job: Callable[[], None]) -> None:
    """Do a job now on Lambda, after each restore under SnapStart, and never anywhere else."""

    def run() -> None:
        # An error would keep the function from starting. If it matters, then the first
        # get_secret raises it again.
        with contextlib.suppress(Exception):
            job()

    if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
        return
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        run()
        return
    # Lambda has this package wherever it has SnapStart. Nobody else pays for the import.
    import snapshot_restore_py  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    snapshot_restore_py.register_after_restore(run)


class _Start:
    """The start of one store: what is under way for it, and how much longer to wait for that."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._pending: list[PendingSecret[Any]] = []
        self._connected: threading.Event | None = None
        # Shared by all the handlers of a module, so that no number of them makes a start longer.
        self._connecting = _Patience(_CONNECTING)
        self._fetching = _Patience(_FETCHING)

    def fetch(self, secrets: tuple[str, ...]) -> None:
        """Start fetching; one secret that cannot be fetched leaves the others alone."""
        try:
            self._pending.extend(get_secrets(*secrets))
        except Exception:  # noqa: BLE001  # raised again where the handler asks for the secret
            for secret in secrets:
                with contextlib.suppress(Exception):
                    self._pending.append(get_secret(secret))

    def connect(self) -> None:
        """Connect to the service, unless a fetch is doing so or another handler has."""
        if self._connected is None and not self._pending:
            self._connected = self.store.warm_up()

    def wait(self) -> None:
        """Wait for what is under way."""
        if self._connected is not None:
            self._connecting.spend(self._connected.wait)
        while self._pending:
            pending = self._pending.pop()
            # Not only until it is there: reading it may import what its parser needs.
            with contextlib.suppress(Exception):
                self._fetching.spend(pending.result)


class _Patience:
    """A number of seconds that several waits share."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def spend(self, wait: Callable[[float], object]) -> None:
        """Wait as long as is left."""
        began = time.monotonic()
        try:
            wait(max(self._left, 0.0))
        finally:
            self._left -= time.monotonic() - began


_latest: _Start | None = None


def _get_start() -> _Start:
    """Return the start of the store in place. A restore or a fork brings another store."""
    global _latest  # noqa: PLW0603  # one process starts once
    # The engine is imported when it is first needed.
    from core_backend._engine.process import get_store  # noqa: PLC0415

    store = get_store()
    if _latest is None or _latest.store is not store:
        _latest = _Start(store)
    return _latest


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    # Loaded with the package and not with the first secret: a handler without a decorator would
    # import the engine, and asyncio, in its first invocation.
    from core_backend._engine import (  # noqa: F401
        delivery,  # pyright: ignore[reportUnusedImport]
        process,  # pyright: ignore[reportUnusedImport]
    )
