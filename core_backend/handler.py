"""From an ``async def`` to what Lambda calls."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar, overload

from core_backend._remaining import remaining_millis
from core_backend.errors import ConfigurationError, CoreBackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from core_backend._typing import LambdaHandler

__all__ = ["async_handler"]

_log = logging.getLogger("core_backend")

Event_contra = TypeVar("Event_contra", contravariant=True)
Context_contra = TypeVar("Context_contra", contravariant=True)
R = TypeVar("R")

_NOT_GIVEN: Any = object()
# How long an invocation's left-over tasks may take to stop, in seconds.
_GRACE = 1.0


@overload
def async_handler(
    function: Callable[[Event_contra, Context_contra], Coroutine[Any, Any, Any]], /
) -> LambdaHandler[Event_contra, Context_contra]: ...
@overload
def async_handler(
    *, prefetch: Iterable[str]
) -> Callable[
    [Callable[[Event_contra, Context_contra], Coroutine[Any, Any, Any]]],
    LambdaHandler[Event_contra, Context_contra],
]: ...
def async_handler(
    function: Any = _NOT_GIVEN,
    /,
    *,
    prefetch: Iterable[str] = (),
) -> Any:
    """Turn an ``async def`` handler into the plain function that Lambda's runtime client calls.

    One event loop is kept for the life of the process (of the thread, where there are several),
    so clients that belong to a loop survive from one invocation to the next. What is left of the
    invocation is a limit to each fetch. Tasks that the handler leaves behind are cancelled before
    its result goes out. Called where a loop is already running, as in a test, it returns the
    coroutine: ``await handler(event, context)``.

    Args:
        function: The handler.
        prefetch: Secrets to start fetching at once, while the rest of the module is still being
            imported: ``@async_handler(prefetch=[STRIPE_API_KEY])`` above what is slow to import.
            On Lambda only; under SnapStart after each restore. What goes wrong is raised where
            the secret is awaited. Ask for it in the handler as ever.

    Raises:
        ConfigurationError: It decorates something that is not an ``async def``, or ``prefetch``
            is no list of names and ids.
    """
    if function is _NOT_GIVEN:
        return lambda function: _decorated(function, prefetch)
    return _decorated(function, prefetch)


def _decorated(
    function: Callable[[Any, Any], Coroutine[Any, Any, Any]], prefetch: Iterable[str]
) -> LambdaHandler[Any, Any]:
    if not inspect.iscoroutinefunction(function):
        name = getattr(function, "__qualname__", repr(function))
        raise ConfigurationError(
            f"@async_handler goes above an async def, and {name} is not one; write async def, or "
            f"leave the decorator out"
        )
    if prefetch:
        # Nobody else pays for the import.
        from core_backend._prefetch import start  # noqa: PLC0415

        start(prefetch)

    @functools.wraps(function)
    def handler(event: Any, context: Any) -> Any:
        invocation = _invoked(function, event, context)
        if _is_loop_running():
            return invocation
        return _kept_loop().run(invocation)

    # It is called like a plain function, and must be taken for one.
    return handler


async def _invoked(
    function: Callable[[Any, Any], Coroutine[Any, Any, R]], event: Any, context: Any
) -> R:
    token = remaining_millis.set(getattr(context, "get_remaining_time_in_millis", None))
    try:
        return await function(event, context)
    finally:
        remaining_millis.reset(token)


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _KeptLoop:
    """One event loop, for all the invocations of a thread."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        # At the end of its thread, or of the process.
        weakref.finalize(self, _close, self._loop, self.pid)

    def run(self, invocation: Coroutine[Any, Any, R]) -> R:
        loop = self._loop
        # A task has a copy of the context: what one invocation sets, the next does not find.
        task = loop.create_task(invocation)
        cancelled: asyncio.CancelledError | None = None
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError as error:
            cancelled = error
        finally:
            self._end_leftovers()
        # Let out, a CancelledError would pass by the runtime client's handling, and kill it.
        raise CoreBackendError(
            "the handler was cancelled: something cancelled its task, or let out the cancellation "
            "of one it awaited; catch asyncio.CancelledError where that is meant to happen"
        ) from cancelled

    def _end_leftovers(self) -> None:
        left = asyncio.all_tasks(self._loop)
        if not left:
            return
        for task in left:
            task.cancel()
        _, stubborn = self._loop.run_until_complete(asyncio.wait(left, timeout=_GRACE))
        _log.debug("cancelled %d tasks that the handler left behind", len(left))
        if stubborn:
            names = ", ".join(sorted(task.get_name() for task in stubborn))
            _log.warning("tasks that the handler left behind will not be cancelled: %s", names)


def _close(loop: asyncio.AbstractEventLoop, pid: int) -> None:
    # A forked child has its parent's loop, but closing it there would reach into the parent's:
    # they share the selector.
    if os.getpid() == pid:
        loop.close()


_kept = threading.local()
_left_behind: list[_KeptLoop] = []


def _kept_loop() -> _KeptLoop:
    loop: _KeptLoop | None = getattr(_kept, "loop", None)
    if loop is not None and loop.pid != os.getpid():
        _left_behind.append(loop)
        loop = None
    if loop is None:
        loop = _kept.loop = _KeptLoop()
    return loop
