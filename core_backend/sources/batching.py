"""Several values in one call of BatchGetSecretValue.

Requests that arrive in the same pass of the event loop share a call, up to the service's maximum.
The action knows no stages and versions, so those are fetched one by one, and so is a secret that
is alone in its call. A secret that a call does not answer, or fails for, is fetched by itself as
well. So batching fails for nothing that single calls can fetch.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from core_backend.errors import (
    CoreBackendError,
    SecretAccessDeniedError,
    SecretError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources import ARN_SUFFIX, BatchPage, SecretRequest, SecretValue
from core_backend.sources.failures import failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core_backend.sources import BatchSource

    Waiters = dict[str, list[asyncio.Future[SecretValue | None]]]

__all__ = ["BatchingSource", "page_of"]

# Source: Secrets Manager API reference, BatchGetSecretValue.
_MAX_SECRETS = 20
# A page may be empty and still have a next one. After so many, the rest is fetched one by one.
_MAX_PAGES = 20

_TRANSIENT = (SecretThrottledError, SecretTimeoutError, SecretUnavailableError)


class BatchingSource:
    """Joins requests that arrive together into one call of another source.

    Args:
        inner: Makes the calls, for one secret and for several.
    """

    def __init__(self, inner: BatchSource) -> None:
        self._inner = inner
        self._off = False
        """Whether batching does not work here: the role needs a statement of its own for it."""
        self._alone: set[str] = set()
        """Ids whose last batch failed. The next fetch of each is a single one."""
        self._waiting: dict[str, Waiters] = {}
        """For each Region and id, the futures of those who wait."""
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def tls(self) -> str | None:
        """What the inner source tells about its newest connection, if it tells."""
        return getattr(self._inner, "tls", None)

    def check(self, request: SecretRequest) -> None:
        """Check what the inner source checks."""
        self._inner.check(request)

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, in one call with others if there are any.

        Raises:
            SecretError, ConfigurationError: As the inner source does.
        """
        value = await self._join_batch(request) if self._can_share(request) else None
        return await self._inner.fetch(request) if value is None else value

    async def warm(self) -> None:
        """Warm the inner source."""
        await self._inner.warm()

    async def aclose(self) -> None:
        """End the calls under way, and close the inner source."""
        for call in (calls := list(self._calls)):
            call.cancel()
        if calls:
            await asyncio.wait(calls)
        await self._inner.aclose()

    def _can_share(self, request: SecretRequest) -> bool:
        alone = request.secret_id in self._alone
        self._alone.discard(request.secret_id)
        return not (self._off or alone) and request.key == request.secret_id

    async def _join_batch(self, request: SecretRequest) -> SecretValue | None:
        """Return the value that a batch brought; ``None`` if a single fetch is needed."""
        place = self._inner.place(request)
        loop = asyncio.get_running_loop()
        if not self._waiting:
            # It runs at the end of this pass, when the others have joined.
            loop.call_soon(self._send)
        future: asyncio.Future[SecretValue | None] = loop.create_future()
        self._waiting.setdefault(place, {}).setdefault(request.secret_id, []).append(future)
        return await future

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for waiters in waiting.values():
            ids = list(waiters)
            for start in range(0, len(ids), _MAX_SECRETS):
                chosen = ids[start : start + _MAX_SECRETS]
                self._start_call({secret_id: waiters[secret_id] for secret_id in chosen})

    def _start_call(self, waiters: Waiters) -> None:
        if len(waiters) == 1:
            _settle(waiters, next(iter(waiters)), None)
            return
        # A task, so that one waiter who is cancelled does not end the call for the others.
        call = asyncio.create_task(self._call(waiters))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _call(self, waiters: Waiters) -> None:
        requests = [SecretRequest(secret_id) for secret_id in waiters]
        try:
            await self._read_pages(requests, waiters)
        except CoreBackendError as error:
            self._alone.update(waiters)
            self._off = isinstance(error, SecretAccessDeniedError) and not error.blames_credentials
            if isinstance(error, SecretError) and (
                isinstance(error, _TRANSIENT) or error.blames_credentials
            ):
                # Each secret by itself would have met the same failure.
                for secret_id in list(waiters):
                    _settle(waiters, secret_id, _failure_for(error, requests[0].label, secret_id))
        except (MemoryError, OSError):
            # The process lacks something, perhaps only now. The single fetches say so.
            self._alone.update(waiters)
        except Exception:  # noqa: BLE001  # a defect in batching must not become one in fetching
            self._off = True
        finally:
            for secret_id in list(waiters):
                _settle(waiters, secret_id, None)

    async def _read_pages(self, requests: list[SecretRequest], waiters: Waiters) -> None:
        token = None
        for _ in range(_MAX_PAGES):
            page = await self._inner.fetch_batch(requests, token)
            for arn, name, value in page.found:
                _settle(waiters, _requested_id(arn, name, waiters), value)
            for secret_id, code, message in page.refused:
                error = failure_of(SecretRequest(secret_id), code, message)
                # If the error is not about the secret, its single fetch will explain it better.
                _settle(waiters, secret_id, error if isinstance(error, SecretError) else None)
            token = page.next_token
            if token is None or not waiters:
                return


def page_of(
    answer: Mapping[str, Any], read_entry: Callable[[dict[str, Any]], SecretValue | None]
) -> BatchPage:
    """Return what an answer of BatchGetSecretValue holds. Unreadable parts of it are left out.

    Args:
        answer: The service's answer.
        read_entry: Reads one entry like an answer of GetSecretValue; ``None`` if that fails.
    """
    found: list[tuple[str, str, SecretValue]] = []
    for entry in _objects(answer, "SecretValues"):
        value = read_entry(entry)
        if value is not None:
            found.append((_text(entry, "ARN"), _text(entry, "Name"), value))
    refused = [
        (_text(error, "SecretId"), _text(error, "ErrorCode"), _text(error, "Message"))
        for error in _objects(answer, "Errors")
    ]
    return BatchPage(found, refused, _text(answer, "NextToken") or None)


def _objects(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found: list[Any] | None = answer.get(name)  # as far as it matters
    entries = found if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def _text(answer: Mapping[str, Any], name: str) -> str:
    found = answer.get(name)
    return found if isinstance(found, str) else ""


def _requested_id(arn: str, name: str, waiters: Waiters) -> str:
    """Return the id by which a secret in an answer was requested.

    A request by ARN is never matched by name, because another account has the same names.
    """
    for requested in (arn, arn[:-ARN_SUFFIX]):
        if requested in waiters:
            return requested
    return name


def _settle(waiters: Waiters, secret_id: str, outcome: SecretValue | SecretError | None) -> None:
    for future in waiters.pop(secret_id, ()):
        if future.done():
            continue
        if isinstance(outcome, SecretError):
            future.set_exception(outcome.fresh())
        else:
            future.set_result(outcome)


def _failure_for(error: SecretError, label: str, secret_id: str) -> SecretError:
    """Return the failure of a call, told about another of its secrets."""
    message = str(error).replace(repr(label), repr(secret_id), 1)
    return type(error)(message, secret_id=secret_id, code=error.code)
