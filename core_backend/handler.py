"""From an ``async def`` to what Lambda calls."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar, overload

from core_backend._clock import remaining_millis, seconds_left
from core_backend._engine.portal import leave_to_parent
from core_backend.errors import ConfigurationError, CoreBackendError
from core_backend.secrets import get_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from core_backend._typing import LambdaHandler

__all__ = [
    "async_handler",
    "start",
]

_log = logging.getLogger("core_backend")

Event_contra = TypeVar("Event_contra", contravariant=True)
Context_contra = TypeVar("Context_contra", contravariant=True)
R = TypeVar("R")

_NOT_GIVEN: Any = object()
# How long an invocation's left-over tasks may take to stop, in seconds.
_GRACE = 1.0
# What they leave of the invocation, in seconds.
_RESERVE = 0.1


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
        return functools.partial(_decorated, prefetch=prefetch)
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
        from core_backend.handler import start  # noqa: PLC0415

        start(prefetch)

    @functools.wraps(function)
    def handler(event: Any, context: Any) -> Any:
        invocation = _invoked(function, event, context)
        if _is_loop_running():
            return invocation
        return _kept_loop().run(invocation, lambda: _grace(context))

    # It is called like a plain function, and must be taken for one.
    return handler


def _grace(context: object) -> float:
    """Return how long left-over tasks may take to stop: the result is to go out all the same."""
    left = seconds_left(getattr(context, "get_remaining_time_in_millis", None)) - _RESERVE
    return min(max(left, 0.0), _GRACE)


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
        # Tasks that would not be cancelled, and are not waited for again.
        self._stubborn: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        # At the end of its thread, or of the process.
        weakref.finalize(self, _close, self._loop, self.pid)

    def run(self, invocation: Coroutine[Any, Any, R], grace: Callable[[], float]) -> R:
        loop = self._loop
        # A task has a copy of the context: what one invocation sets, the next does not find.
        task = loop.create_task(invocation)
        cancelled: asyncio.CancelledError | None = None
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError as error:
            cancelled = error
        finally:
            self._end_leftovers(grace)
        # Let out, a CancelledError would pass by the runtime client's handling, and kill it.
        raise CoreBackendError(
            "the handler was cancelled: something cancelled its task, or let out the cancellation "
            "of one it awaited; catch asyncio.CancelledError where that is meant to happen"
        ) from cancelled

    def leave_to_parent(self) -> None:
        """Let a forked child's copy touch nothing of its parent's."""
        leave_to_parent(self._loop)

    def _end_leftovers(self, grace: Callable[[], float]) -> None:
        """Cancel what the handler left behind, and what that starts while it ends."""
        if not self._leftovers():
            return
        until = self._loop.time() + grace()
        while left := self._leftovers():
            for task in left:
                task.cancel()
            seconds = max(until - self._loop.time(), 0.0)
            self._loop.run_until_complete(asyncio.wait(left, timeout=seconds))
            _log.debug("cancelled %d tasks that the handler left behind", len(left))
            if self._loop.time() >= until:
                self._give_up_on(self._leftovers())

    def _leftovers(self) -> set[asyncio.Task[Any]]:
        return asyncio.all_tasks(self._loop).difference(self._stubborn)

    def _give_up_on(self, stubborn: set[asyncio.Task[Any]]) -> None:
        if stubborn:
            self._stubborn.update(stubborn)
            for task in stubborn:
                task.cancel()
            names = ", ".join(sorted(task.get_name() for task in stubborn))
            _log.warning("tasks that the handler left behind will not be cancelled: %s", names)


def _close(loop: asyncio.AbstractEventLoop, pid: int) -> None:
    if os.getpid() == pid:
        loop.close()
    else:
        leave_to_parent(loop)


_kept = threading.local()


def _kept_loop() -> _KeptLoop:
    loop: _KeptLoop | None = getattr(_kept, "loop", None)
    if loop is not None and loop.pid != os.getpid():
        loop.leave_to_parent()
        loop = None
    if loop is None:
        loop = _kept.loop = _KeptLoop()
    return loop


def start(secrets: Iterable[str]) -> None:
    """Start fetching on Lambda, where an invocation is bound to follow; elsewhere do nothing.

    Under SnapStart it starts after each restore: a snapshot holds no values, nor connections.

    Source: Lambda developer guide, "Defined runtime environment variables" and "Implement code
    before or after Lambda function snapshots".

    Raises:
        ConfigurationError: That is no list of names and ids. Anywhere, so that a test finds it.
    """
    wanted = _checked(secrets)
    if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
        return
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        _ask(wanted)
        return
    # Lambda's own package, there wherever SnapStart is; nobody else pays for the import.
    import snapshot_restore_py  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    snapshot_restore_py.register_after_restore(_ask, wanted)


def _checked(secrets: Iterable[object]) -> tuple[str, ...]:
    # A single str would be a list of its letters.
    given = [None] if isinstance(secrets, str) else list(secrets)
    names = tuple(secret for secret in given if isinstance(secret, str))
    if len(names) != len(given):
        raise ConfigurationError(
            f"prefetch takes a list of SecretNames and ids, such as [STRIPE_API_KEY], not "
            f"{secrets!r:.80}"
        )
    return names


def _ask(secrets: tuple[str, ...]) -> None:
    for secret in secrets:
        # Whatever is wrong is so still where the secret is awaited, and is raised there: a module
        # that fails to import takes down invocations that would do without.
        with contextlib.suppress(Exception):
            get_secret(secret)
