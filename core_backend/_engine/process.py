"""The process's one store: built on first use, changed by ``configure``, replaced by tests.

This is where the parts are put together: settings, clock, chance, and the source that is chosen.
Here too is what happens to the store when the process forks, ends, or is made into a snapshot.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

from core_backend import _engine
from core_backend._clock import SystemClock, fraction
from core_backend._configuration import Settings, change_settings, read_settings
from core_backend._engine import (
    delivery,  # noqa: F401  # pyright: ignore[reportUnusedImport]  # a failure may not import it
)
from core_backend._engine.portal import Lock
from core_backend._engine.store import Store
from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from core_backend._clock import Clock
    from core_backend.sources import BatchSource, SecretSource

__all__ = [
    "Changes",
    "Restore",
    "choose_source",
    "configure",
    "get_store",
    "replaced",
    "reset",
]


class Restore:
    """Takes back one call of ``configure``, at the end of its ``with`` block."""

    def __init__(self, take_back: Callable[[Restore], None]) -> None:
        self._take_back = take_back

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._take_back(self)


class Changes:
    """The changes that ``configure`` made, oldest first. If two set the same, the newer counts.

    It is not locked: ``process`` changes it under its lock.
    """

    def __init__(self) -> None:
        self._made: list[tuple[ref[Restore], dict[str, Any]]] = []

    def add(self, restore: Restore, settings: dict[str, Any]) -> None:
        """Add checked settings, until ``restore`` takes them back."""
        self._join()
        self._made.append((ref(restore), settings))

    def remove(self, restore: Restore) -> None:
        """Take back what was added with ``restore``. Doing so twice changes nothing."""
        self._made = [(of, settings) for of, settings in self._made if of() is not restore]

    def over(self, settings: Settings) -> Settings:
        """Return ``settings`` with all the changes."""
        for _, changes in self._made:
            settings = settings.replace(**changes)
        return settings

    def _join(self) -> None:
        """Merge adjacent changes that nobody can take back, so that calls do not pile up."""
        joined: list[tuple[ref[Restore], dict[str, Any]]] = []
        for of, settings in self._made:
            if joined and of() is None and joined[-1][0]() is None:
                joined[-1][1].update(settings)
            else:
                joined.append((of, settings))
        self._made = joined


class _Layer:
    """The parts that a block of ``replaced`` puts in place, and the store that was made with them.

    Layers can end in any order: a fixture of the session outlives those of the test that came
    first.
    """

    def __init__(
        self,
        source: SecretSource | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.source = source
        self.clock = clock
        self.random = random
        self.settings = settings
        self.changes = Changes()
        """The changes by ``configure``. They outlive the store, since a restore reruns no code."""
        self.store: Store | None = None
        self.base = Settings()
        """The settings that the store was made with, without the changes by ``configure``."""


_lock = Lock()
_layers = [_Layer()]
# The stores of the parent process, in a forked child. They are kept, because finalizing them would
# close what the parent still uses.
_left_behind: list[Store] = []


def get_store() -> Store:
    """Return the process's store; the first call builds it from the environment's settings.

    Raises:
        ConfigurationError: A ``CORE_BACKEND_*`` variable is unknown or out of range.
    """
    store = _engine.current
    if store is not None:
        return store
    with _lock:
        # Another thread may have built it meanwhile.
        store = _layers[-1].store or _build()
        _layers[-1].store = _engine.current = store
    return store


def _build() -> Store:
    choose: Callable[[Settings, Clock], tuple[SecretSource, str, str]] = chooser
    clock: Clock = SystemClock()
    chance: Callable[[], float] = fraction
    for layer in _layers:
        clock = layer.clock or clock
        chance = layer.random or chance
        if layer.source is not None:
            choose = _given(layer.source)
    top, owner = _layers[-1], _owner()
    top.base = owner.settings or read_settings(os.environ)
    return Store(owner.changes.over(top.base), clock, chance, choose)


def _owner() -> _Layer:
    """Return the layer whose settings are in force: the top one that has any, or the first."""
    return next((layer for layer in reversed(_layers) if layer.settings is not None), _layers[0])


def _reset_before_snapshot() -> None:
    """Forget everything before a snapshot, and once more when all other hooks have run.

    Hooks run in the reverse order of their registration, and those of modules that were imported
    before this one may fetch secrets. Lambda's runner takes each hook off the list as it runs it,
    so what is put in at the front now runs last.
    """
    reset()
    # See _hook_into_snapshots.
    import snapshot_restore_py  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    hooks: list[Any] = snapshot_restore_py.get_before_snapshot()
    hooks.insert(0, (reset, (), {}))


def reset() -> None:
    """Forget values, failures, threads and connections, and read the environment again.

    Changes by ``configure`` stay.
    """
    _drop(list(_layers))
    for store in _left_behind:
        store.cache.close()


def _drop(layers: list[_Layer], *, wake: bool = True) -> None:
    with _lock:
        stores = [layer.store for layer in layers]
        for layer in layers:
            layer.store = None
        _engine.current = _layers[-1].store
    # Outside of the lock, because a fetch that is under way may wait for it.
    for store in stores:
        if store is not None:
            store.close(wake=wake)


@contextlib.contextmanager
def replaced(
    *,
    source: SecretSource | None = None,
    clock: Clock | None = None,
    random: Callable[[], float] | None = None,
    settings: Settings | None = None,
) -> Generator[None]:
    """Put other parts in place until the block ends, with a new store that has nothing cached.

    Args:
        source: Where values come from, instead of AWS.
        clock: Tells the time.
        random: Returns a number from 0 to 1.
        settings: The settings, instead of those in force. Parts that are left out stay as they are.
    """
    layer = _Layer(source, clock, random, settings)
    with _lock:
        _layers.append(layer)
        _engine.current = None
    try:
        yield
    finally:
        with _lock:
            above = _layers[_layers.index(layer) :]
            _layers.remove(layer)
        # The stores above it were made with its parts.
        _drop(above)


def configure(**settings: object) -> Restore:
    """Change settings of the process. See ``core_backend.configure``."""
    with _lock:
        get_store()
        owner = _owner()
        # Over the defaults, so that only what was given is kept.
        checked = vars(change_settings(Settings(), settings))
        restore = Restore(lambda done: _apply(owner, done))
        owner.changes.add(restore, checked)
        _apply(owner)
    return restore


def _apply(owner: _Layer, done: Restore | None = None) -> None:
    """Apply a layer's changes to all stores that it governs, without the one that is done."""
    with _lock:
        if done is not None:
            owner.changes.remove(done)
        governing: _Layer | None = None
        for layer in _layers:
            if governing is None or layer.settings is not None:
                governing = layer
            if governing is owner and layer.store is not None:
                layer.store.configure(owner.changes.over(layer.base))


def _given(
    source: SecretSource,
) -> Callable[[Settings, Clock], tuple[SecretSource, str, str]]:
    return lambda _settings, _clock: (source, "given", "put in place by a test")


def _after_fork() -> None:
    """Start over in a forked child, which has the parent's memory but not its threads."""
    global _lock  # noqa: PLW0603  # the parent's may be held by a thread that is not here
    for layer in _layers:
        store, layer.store = layer.store, None
        if store is not None:
            store.leave_to_parent()
            _left_behind.append(store)
    _lock = Lock()
    _engine.current = None


def _hook_into_snapshots() -> None:
    # Lambda has this package wherever it has SnapStart. Nobody else pays for the import.
    import snapshot_restore_py  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    snapshot_restore_py.register_before_snapshot(_reset_before_snapshot)


_BY_SETTING = "the setting source says so"
_BY_DEFAULT = "it starts fastest, and the environment needs nothing else"

# The imports inside of the functions load a source only when it is chosen.


def choose_source(settings: Settings, clock: Clock) -> tuple[SecretSource, str, str]:
    """Return the source, its name, and why it was chosen.

    Raises:
        ConfigurationError: The source is not installed, cannot do what the environment needs, or
            would send credentials over plain http.
    """
    if settings.source == "extension":
        from core_backend.sources.extension import ExtensionSource  # noqa: PLC0415

        # It knows no batches, and needs none: it has a cache.
        return ExtensionSource(settings, os.environ, clock), "extension", _BY_SETTING
    source, name, reason = _direct_or_sdk(settings, clock)
    if settings.batch:
        from core_backend.sources.batching import BatchingSource  # noqa: PLC0415

        return BatchingSource(source), name, reason
    return source, name, reason


def _direct_or_sdk(settings: Settings, clock: Clock) -> tuple[BatchSource, str, str]:
    from core_backend.sources.endpoints import Endpoints, is_secure  # noqa: PLC0415

    endpoints = Endpoints(os.environ, settings.insecure_endpoint)
    endpoint = endpoints.custom()
    if endpoint is not None and not is_secure(endpoint):
        logging.getLogger("core_backend").warning(
            "credentials go to %s over plain http, because the setting insecure_endpoint allows "
            "it: use that for stand-ins only",
            endpoint.authority,
        )
    if settings.source == "sdk":
        return _sdk(settings, clock, _BY_SETTING), "sdk", _BY_SETTING
    reason = endpoints.needs_sdk()
    if reason and settings.source == "auto":
        return _sdk(settings, clock, reason), "sdk", reason
    if reason:
        raise ConfigurationError(
            f"the setting source is 'direct', but {reason}, which only the AWS SDK can act on; "
            f"leave CORE_BACKEND_SOURCE out, or set it to sdk"
        )
    from core_backend.sources.direct import DirectSource  # noqa: PLC0415

    source = DirectSource(settings, os.environ, clock)
    return source, "direct", _BY_SETTING if settings.source == "direct" else _BY_DEFAULT


def _sdk(settings: Settings, clock: Clock, reason: str) -> BatchSource:
    import importlib.util  # noqa: PLC0415

    # A layer without the SDK lacks both, although the function's bundle may have the first.
    needed = ("aiobotocore", "core_backend.sources.sdk")
    if not all(map(importlib.util.find_spec, needed)):
        raise ConfigurationError(
            f"secrets have to come through the AWS SDK, since {reason}, and it is not installed: "
            f"pip install 'core_backend[aws-sdk]', or make the layer with it (core-backend layer "
            f"--with-sdk); in a test, fake the secret (core_backend.testing.fake_secrets)"
        )
    from core_backend.sources.sdk import SdkSource  # noqa: PLC0415

    return SdkSource(settings, os.environ, clock)


chooser = choose_source
"""What chooses the source. The pytest plugin puts its own in this place."""

# At exit nobody is woken: a thread that waits would only log an error.
atexit.register(lambda: _drop(list(_layers), wake=False))
if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows does not fork
    os.register_at_fork(after_in_child=_after_fork)
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    _hook_into_snapshots()
