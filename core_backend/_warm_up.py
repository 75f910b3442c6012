"""Work that is done while a function starts, so that its first invocation need not do it.

Lambda starts a function at full speed, and runs an invocation at a share of a processor that its
memory decides: at 128 MB, what takes one millisecond at the start takes fourteen later. So under
Lambda's runtime client the decorators start fetching what is to be prefetched, or connect to the
service, and wait for that. They wait for a bounded time and raise nothing: a function that
starts without its secrets is better than one that does not start.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

from core_backend.errors import ConfigurationError
from core_backend.secrets import get_secret, get_secrets

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from core_backend._engine.store import Store
    from core_backend.pending import PendingSecret

__all__ = ["get_ready", "prefetch"]

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
        # What the engine imports with the first value that it delivers.
        from core_backend._engine import delivery  # noqa: F401, PLC0415

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
