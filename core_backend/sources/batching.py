"""Several values in one call: BatchGetSecretValue, where it can stand in for single gets.

What is asked for in one pass of the loop goes together, as many in a call as the service takes.
The call knows no stages and no versions; those are asked for singly, and so is a secret that is
alone in its call. Whatever a call leaves unanswered is asked for singly as well, and what it fails
for is tried again singly, so that nothing fails in a batch that works by single gets.
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
from core_backend.sources.failures import failure_of
from core_backend.sources.protocol import (
    BatchPage,
    SecretRequest,
    SecretValue,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core_backend.sources.protocol import BatchSource

    Waiters = dict[str, list[asyncio.Future[SecretValue | SecretError | None]]]

__all__ = ["BatchingSource", "page_of"]

# Source: Secrets Manager API reference, BatchGetSecretValue.
_MOST = 20
# A page may be empty and still have a next one. This many, and the rest is asked for singly.
_MAX_PAGES = 20
# The hyphen and six characters that end an ARN, and may be left out of it.
_ARN_SUFFIX = 7

_TRANSIENT = (SecretThrottledError, SecretTimeoutError, SecretUnavailableError)


class BatchingSource:
    """Puts what is asked for at once into one call of another source.

    Args:
        inner: Does the calls, single ones and those for several.
    """

    def __init__(self, inner: BatchSource) -> None:
        self._inner = inner
        self._off = False
        """Whether batching does not work here: the role needs a statement of its own for it."""
        self._alone: set[str] = set()
        """Whose call for several failed."""
        self._waiting: dict[str, Waiters] = {}
        """Who waits for which id, by the place it is at."""
        self._calls: set[asyncio.Task[None]] = set()

    def check(self, request: SecretRequest) -> None:
        """Refuse what the inner source refuses."""
        self._inner.check(request)

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, in a call with others where there are others."""
        outcome = await self._turn(request) if self._is_for_several(request) else None
        if outcome is None:
            return await self._inner.fetch(request)
        if isinstance(outcome, SecretError):
            raise outcome.fresh()
        return outcome

    async def warm(self) -> None:
        """Prepare the inner source."""
        await self._inner.warm()

    async def aclose(self) -> None:
        """End the calls under way, and close the inner source."""
        for call in (calls := list(self._calls)):
            call.cancel()
        if calls:
            await asyncio.wait(calls)
        await self._inner.aclose()

    def _is_for_several(self, request: SecretRequest) -> bool:
        alone = request.secret_id in self._alone
        self._alone.discard(request.secret_id)
        return not (self._off or alone) and request.key == request.secret_id

    async def _turn(self, request: SecretRequest) -> SecretValue | SecretError | None:
        """Return what a call for several brought; ``None`` where it is to be asked for singly."""
        place = self._inner.place(request)
        loop = asyncio.get_running_loop()
        if not self._waiting:
            # At the end of this pass, when all have come that come with it.
            loop.call_soon(self._depart)
        future: asyncio.Future[SecretValue | SecretError | None] = loop.create_future()
        self._waiting.setdefault(place, {}).setdefault(request.secret_id, []).append(future)
        return await future

    def _depart(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for waiters in waiting.values():
            ids = list(waiters)
            for start in range(0, len(ids), _MOST):
                self._call({secret_id: waiters[secret_id] for secret_id in ids[start:][:_MOST]})

    def _call(self, waiters: Waiters) -> None:
        if len(waiters) == 1:
            _settle(waiters, next(iter(waiters)), None)
            return
        # A task: one who is cancelled leaves the call to the others.
        call = asyncio.create_task(self._answer(waiters))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _answer(self, waiters: Waiters) -> None:
        requests = [SecretRequest(secret_id) for secret_id in waiters]
        try:
            await self._read_pages(requests, waiters)
        except CoreBackendError as error:
            self._alone.update(waiters)
            self._off = _is_denial(error)
            if _is_each_ones(error):
                for secret_id in list(waiters):
                    _settle(waiters, secret_id, _of_another(error, requests[0].label, secret_id))
        except Exception:  # noqa: BLE001  # a defect in batching must not be one in fetching
            self._off = True
        finally:
            for secret_id in list(waiters):
                _settle(waiters, secret_id, None)

    async def _read_pages(self, requests: list[SecretRequest], waiters: Waiters) -> None:
        token = None
        for _ in range(_MAX_PAGES):
            page = await self._inner.fetch_batch(requests, token)
            for arn, name, value in page.found:
                _settle(waiters, _asked_as(arn, name, waiters), value)
            for secret_id, code, message in page.refused:
                error = failure_of(SecretRequest(secret_id), code, message)
                # What is not about the secret, its single get will tell better.
                _settle(waiters, secret_id, error if isinstance(error, SecretError) else None)
            token = page.next_token
            if token is None or not waiters:
                return


def page_of(
    answer: Mapping[str, Any], value_of: Callable[[dict[str, Any]], SecretValue | None]
) -> BatchPage:
    """Return what an answer of BatchGetSecretValue says, without what cannot be read in it.

    Args:
        answer: The service's answer.
        value_of: Reads one entry as an answer of GetSecretValue is read.
    """
    found: list[tuple[str, str, SecretValue]] = []
    for entry in _objects(answer, "SecretValues"):
        value = value_of(entry)
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


def _is_denial(error: CoreBackendError) -> bool:
    return isinstance(error, SecretAccessDeniedError) and not error.blames_credentials


def _is_each_ones(error: CoreBackendError) -> bool:
    """Whether each of those in the call would have met the same failure by itself."""
    return isinstance(error, _TRANSIENT) or error.blames_credentials


def _asked_as(arn: str, name: str, waiters: Waiters) -> str:
    """Return which of the ids that were asked for a secret is the answer to.

    Never by its name where it was asked for by its ARN: another account has the same names.
    """
    for asked in (arn, arn[:-_ARN_SUFFIX]):
        if asked in waiters:
            return asked
    return name


def _settle(waiters: Waiters, secret_id: str, outcome: SecretValue | SecretError | None) -> None:
    for future in waiters.pop(secret_id, ()):
        if not future.done():
            future.set_result(outcome)


def _of_another(error: CoreBackendError, label: str, secret_id: str) -> SecretError:
    """Return the failure of a call for several, as it is told of one of the others."""
    assert isinstance(error, SecretError)  # noqa: S101  # as each one's are
    message = str(error).replace(repr(label), repr(secret_id), 1)
    return type(error)(message, secret_id=secret_id, code=error.code)
