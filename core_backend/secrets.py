"""Asking for secrets: from the cache, or by one fetch however many ask."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from core_backend import _engine
from core_backend.env import get_envs
from core_backend.errors import ConfigurationError, SecretUnavailableError, show
from core_backend.names import SecretId, SecretName, check_secret_id
from core_backend.pending import PendingSecret, SecretBatch, SecretOrDefault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from core_backend._engine.cache import Entry, SecretsInfo
    from core_backend._engine.process import Restore
    from core_backend._engine.store import Store
    from core_backend._typing import Yields
    from core_backend.sources import SecretRequest

    Kinds = type[Exception] | tuple[type[Exception], ...]

__all__ = [
    "clear_secrets",
    "configure",
    "get_secret",
    "get_secrets",
    "secrets_info",
    "with_secret",
    "with_secret_sync",
]

T = TypeVar("T")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


# The overloads give a batch its type.
_batch_of: Any = SecretBatch
_NO_DEFAULT: Any = object()


@overload
def get_secret(secret: Yields[T], *, fresh: bool = ...) -> PendingSecret[T]: ...
@overload
def get_secret(secret: Yields[T], *, fresh: bool = ..., default: D) -> PendingSecret[T | D]: ...
def get_secret(secret: Any, *, fresh: bool = False, default: Any = _NO_DEFAULT) -> Any:
    """Ask for one secret; its fetch is under way when this returns, if it needs one.

    Args:
        secret: Its real name or ARN, a ``SecretId`` from ``get_env``, or a ``SecretName``, whose
            real name is then read from the environment.
        fresh: Fetch it past the cache. Those who ask for that at the same time, or within a
            second, share one fetch.
        default: What awaiting it returns if the secret does not exist, or has no value yet. It
            never takes the place of a failure: a denied access, which may hide that there is no
            such secret, an outage, and a missing variable are raised.

    Raises:
        MissingEnvError: The function's environment lacks the name's variable.
        InvalidSecretNameError: It can be no secret's name or ARN.
        ConfigurationError: Region, credentials, endpoint or settings are missing or wrong.
    """
    if default is not _NO_DEFAULT:
        return SecretOrDefault(_ask((secret,), fresh=fresh)[0], default)
    store = _engine.current
    if secret.__class__ is str and store is not None and not fresh:
        entries = store.cache.entries
        try:
            entry = entries[secret]
            # One clock is enough, for speed: awaiting the handle decides, and looks at both.
            if entry.wall_sent <= entry.wall() < entry.wall_due:
                entries.move_to_end(secret)
                store.stats.hits += 1
                return entry.handle or _share_handle(entry)
        except KeyError:
            pass  # It is not there, or another thread removed it meanwhile.
    return _ask((secret,), fresh=fresh)[0]


# A batch's values and handles, element by element, for up to six.
@overload
def get_secrets(
    a: Yields[A], /, *, fresh: bool = ...
) -> SecretBatch[tuple[A], PendingSecret[A]]: ...
@overload
def get_secrets(
    a: Yields[A], b: Yields[B], /, *, fresh: bool = ...
) -> SecretBatch[tuple[A, B], PendingSecret[A], PendingSecret[B]]: ...
@overload
def get_secrets(
    a: Yields[A], b: Yields[B], c: Yields[C], /, *, fresh: bool = ...
) -> SecretBatch[tuple[A, B, C], PendingSecret[A], PendingSecret[B], PendingSecret[C]]: ...
@overload
def get_secrets(
    a: Yields[A], b: Yields[B], c: Yields[C], d: Yields[D], /, *, fresh: bool = ...
) -> SecretBatch[
    tuple[A, B, C, D], PendingSecret[A], PendingSecret[B], PendingSecret[C], PendingSecret[D]
]: ...
@overload
def get_secrets(
    a: Yields[A], b: Yields[B], c: Yields[C], d: Yields[D], e: Yields[E], /, *, fresh: bool = ...
) -> SecretBatch[
    tuple[A, B, C, D, E],
    PendingSecret[A],
    PendingSecret[B],
    PendingSecret[C],
    PendingSecret[D],
    PendingSecret[E],
]: ...
@overload
def get_secrets(
    a: Yields[A],
    b: Yields[B],
    c: Yields[C],
    d: Yields[D],
    e: Yields[E],
    f: Yields[F],
    /,
    *,
    fresh: bool = ...,
) -> SecretBatch[
    tuple[A, B, C, D, E, F],
    PendingSecret[A],
    PendingSecret[B],
    PendingSecret[C],
    PendingSecret[D],
    PendingSecret[E],
    PendingSecret[F],
]: ...
# Seven or more, or any number that only running tells. Were this to match fewer as well, mypy
# would make Any of a batch in which one is a SecretName[Any].
@overload
def get_secrets(
    a: str, b: str, c: str, d: str, e: str, f: str, g: str, /, *secrets: str, fresh: bool = ...
) -> SecretBatch[tuple[Any, ...], *tuple[PendingSecret[Any], ...]]: ...
def get_secrets(*secrets: Any, fresh: bool = False) -> Any:
    """Ask for secrets; all their fetches are under way when this returns.

    Args:
        *secrets: Each a real name or ARN, a ``SecretId`` from ``get_env``, or a ``SecretName``,
            whose real name is then read from the environment.
        fresh: Fetch them past the cache; see ``get_secret``.

    Returns:
        The handles, in argument order: ``[p] = get_secrets(A)``, then ``await p``; or, at once,
        ``a, b = await get_secrets(A, B)``.

    Raises:
        MissingEnvError: The function's environment lacks variables; names all of them.
        InvalidSecretNameError: One can be no secret's name or ARN.
        ConfigurationError: Region, credentials, endpoint or settings are missing or wrong.
            Whatever is raised here, nothing has been fetched.
    """
    handles = None if fresh else _take_hits(secrets)
    return _batch_of(_ask(secrets, fresh=fresh) if handles is None else handles)


def configure(**settings: object) -> Restore:
    """Change settings of the whole process, for all its tasks and threads.

    What is cached stays, if ``allow`` still allows it. Each setting can also be given as
    ``CORE_BACKEND_<NAME>`` in the environment, which is read when the first secret is asked for.

    Args:
        **settings: ``ttl``, ``jitter``, ``refresh_ahead``, ``max_stale``, ``attempts``,
            ``connect_timeout``, ``read_timeout``, ``timeout``, ``max_connections``,
            ``max_entries``, ``idle_timeout``, ``batch``, ``redact_logs``, ``warm_up``, ``source``,
            ``insecure_endpoint``, ``allow``. Times are in seconds. docs/settings.md explains each.

    Returns:
        A context manager that takes back this change, and no other, at the end of its block.
        Blocks may overlap and end in any order. If two change the same setting, the newer change
        counts. Without ``with``, the change stays.

    Raises:
        ConfigurationError: Settings are unknown or out of range. It names all of them, and nothing
            was changed.
    """
    # The engine is imported when it is first needed.
    from core_backend._engine.process import configure as configure_process  # noqa: PLC0415

    return configure_process(**settings)


def clear_secrets() -> None:
    """Forget every value and every failure; the next to ask fetches anew."""
    _get_store().clear()


def secrets_info() -> SecretsInfo:
    """Return what the cache has done so far: counts, and which source serves it and why."""
    return _get_store().info()


def _ask(secrets: tuple[Any, ...], *, fresh: bool) -> list[PendingSecret[Any]]:
    try:
        return _ask_store(secrets, fresh=fresh)
    except TimeoutError:
        # Nothing here times out: a signal handler raised it.
        raise
    except (ImportError, OSError) as error:
        fault = f"{type(error).__name__}: {error}"
    names = ", ".join(str(secret) for secret in secrets)
    raise SecretUnavailableError(
        f"secret {names!r}: what fetches it cannot be imported ({fault}); free file descriptors if "
        f"they ran out, and let signal handlers and finalizers ask for it before",
        secret_id=names,
    )


def _ask_store(secrets: tuple[Any, ...], *, fresh: bool) -> list[PendingSecret[Any]]:
    ids = _resolve_names(secrets)
    handles = None if fresh else _take_hits(ids)
    if handles is not None:
        return handles
    requests = [_request_for(secret) for secret in ids]
    answers = _get_store().ask(requests, fresh=fresh)
    return [
        PendingSecret(request, answer, getattr(secret, "parse", None), fresh)
        for secret, request, answer in zip(ids, requests, answers, strict=True)
    ]


def _take_hits(ids: Sequence[Any]) -> list[PendingSecret[Any]] | None:
    """Return the handles if all are asked for by their ids, and all are hits."""
    store = _engine.current or _get_store()
    entries, wall = store.cache.entries, store.clock.wall()
    handles: list[PendingSecret[Any]] = []
    key: Any
    for secret in ids:
        if secret.__class__ is str:
            key, parse = secret, None
        elif secret.__class__ is SecretId:
            key, parse = secret.key, secret.parse
        else:
            return None
        try:
            entry = entries[key]
            if not entry.wall_sent <= wall < entry.wall_due:
                return None
            entries.move_to_end(key)
        except KeyError:
            return None
        handles.append(
            PendingSecret(entry.request, entry, parse)
            if parse
            else entry.handle or _share_handle(entry)
        )
    store.stats.hits += len(handles)
    return handles


def _share_handle(entry: Entry) -> PendingSecret[Any]:
    """Return the handle that all hits without a parser share, since they cannot differ."""
    handle: PendingSecret[Any] = PendingSecret(entry.request, entry, None)
    entry.handle = handle
    return handle


def _resolve_names(secrets: tuple[Any, ...]) -> Sequence[Any]:
    """Replace the declared names by the real ones, which the environment has."""
    names: list[SecretName[Any]] = [s for s in secrets if isinstance(s, SecretName)]
    if not names:
        return secrets
    found = iter(get_envs(names))
    return [next(found) if isinstance(secret, SecretName) else secret for secret in secrets]


def _get_store() -> Store:
    # The engine is imported when it is first needed.
    from core_backend._engine.process import get_store  # noqa: PLC0415

    return get_store()


def _request_for(secret: Any) -> SecretRequest:
    from core_backend.sources import SecretRequest  # noqa: PLC0415  # as above

    secret_id = check_secret_id(secret)
    if isinstance(secret, SecretId):
        return SecretRequest(secret_id, secret.stage, secret.version_id)
    return SecretRequest(secret_id)


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
