"""The composition root: the process's one store, built on first use, replaced by fork and tests."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import threading
from typing import TYPE_CHECKING, Self

from core_backend._clock import SystemClock
from core_backend._settings import settings_from_env, updated
from core_backend._store import Store
from core_backend.sources.choose import choose_source

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from core_backend._clock import Clock
    from core_backend._settings import Settings
    from core_backend.sources.protocol import SecretSource

__all__ = ["configure", "get_store", "override", "reset"]

_lock = threading.RLock()
_store: Store | None = None
# What must not be finalized: in a forked child, the parent's sockets and selector.
_left_behind: list[object] = []


def get_store() -> Store:
    """Return the process's store; the first call builds it from the environment's settings.

    Raises:
        ConfigurationError: A ``CORE_BACKEND_*`` variable is unknown or out of range.
    """
    global _store  # noqa: PLW0603  # the one process-wide object there is
    store = _store
    if store is not None:
        return store
    with _lock:
        if _store is None:
            _store = Store(
                settings_from_env(os.environ), SystemClock(), random.random, choose_source
            )
        return _store


def reset() -> None:
    """Forget everything: values, failures, settings, the thread and its connections."""
    global _store  # see above
    with _lock:
        store, _store = _store, None
    if store is not None:
        store.close()


@contextlib.contextmanager
def override(
    *,
    source: SecretSource | None = None,
    clock: Clock | None = None,
    random: Callable[[], float] | None = None,
    settings: Settings | None = None,
) -> Generator[Store]:
    """Put a store with other parts in place, empty, until the block ends. What was is restored.

    Args:
        source: Where values come from, in place of AWS.
        clock: Tells the time.
        random: Returns a number from 0 to 1.
        settings: In place of those in force.
    """
    global _store  # noqa: PLW0603  # see above
    with _lock:
        before = get_store()
        choose = before.choose if source is None else _given(source)
        _store = store = Store(
            settings or before.settings, clock or before.clock, random or before.random, choose
        )
    try:
        yield store
    finally:
        with _lock:
            # A reset in between has already closed it.
            if _store is store:
                _store = before
        store.close()


def configure(**settings: object) -> Restore:
    """Change settings of the running process. What is cached stays, under the new ones.

    Every setting can also be given as ``CORE_BACKEND_<NAME>`` in the environment, which is read
    on first use.

    Args:
        **settings: ``ttl``, ``jitter``, ``refresh_ahead``, ``max_stale``, ``attempts``,
            ``connect_timeout``, ``read_timeout``, ``timeout``, ``max_connections``,
            ``max_entries``, ``idle_timeout``, ``batch``, ``redact_logs``, ``source``, ``allow``.
            Times are in seconds.

    Returns:
        A context manager whose end restores what was; without ``with``, the change stays.

    Raises:
        ConfigurationError: One or more are unknown or out of range. Names all; changes none.
    """
    store = get_store()
    before = store.settings
    store.apply(updated(before, settings))
    return Restore(before)


class Restore:
    """Restores the settings that were in force, at the end of a ``with`` block."""

    def __init__(self, before: Settings) -> None:
        self._before = before

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        get_store().apply(self._before)


def _given(
    source: SecretSource,
) -> Callable[[Settings, Clock], tuple[SecretSource, str, str]]:
    return lambda _settings, _clock: (source, "given", "put in place by override")


def _after_fork() -> None:
    """Start over in a forked child, which has the parent's memory but not its threads.

    Nothing is closed: sockets and the selector are shared with the parent, and saying goodbye
    on them would end the parent's connections.
    """
    global _lock, _store  # noqa: PLW0603  # see above
    _left_behind.append(_store)
    _lock = threading.RLock()
    _store = None


def _hook_into_snapshots() -> None:
    # Lambda's own package, there wherever SnapStart is; nobody else pays for the import.
    import snapshot_restore_py  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    snapshot_restore_py.register_before_snapshot(reset)


atexit.register(reset)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    _hook_into_snapshots()
