"""One fetch, with as many attempts as its kind of failure and its time allow."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

from core_backend._clock import Sent, moment
from core_backend._engine.failures import cool_down, treatment_of
from core_backend.errors import CoreBackendError, SecretTimeoutError, SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend._engine.cache import Cache
    from core_backend.sources.protocol import Key, SecretRequest, SecretSource, SecretValue

__all__ = ["Attempts"]

# The first retry waits up to this many seconds, each further one up to twice as long.
_FIRST_DELAY = 0.1
# A timer that fires this many seconds late was not slow: the process was stopped meanwhile.
_STOPPED = 0.25

_orders = count(1)


class Attempts:
    """The attempts of one fetch.

    Args:
        source: What is asked.
        settings: How often, and for how long.
        clock: Dates the value, and waits between attempts.
        random: Returns a number from 0 to 1; the jitter.
        allowed: What is left of the invocation, in seconds.
        begun_anew: Asked once where the process stood still past the deadline: whether the fetch
            is still wanted, and so begun anew.
    """

    def __init__(  # noqa: PLR0913  # a fetch depends on as much
        self,
        source: SecretSource,
        settings: Settings,
        clock: Clock,
        random: Callable[[], float],
        allowed: float,
        *,
        begun_anew: Callable[[], bool],
    ) -> None:
        self._source = source
        self._settings = settings
        self._clock = clock
        self._random = random
        self._begun_anew = begun_anew
        self._seconds = min(settings.timeout, allowed)
        self._started = 0.0
        self._thawed = False
        self.sent = Sent(moment(clock), 0)
        """When the last attempt was sent, which is what its answer is dated by."""
        self.cut_short = False
        """Whether it was for want of time in the invocation that it failed."""

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Return the value.

        Raises:
            CoreBackendError: The last attempt's failure, or ``SecretTimeoutError``.
        """
        self._started = self._now()
        tried = 0
        while True:
            self.sent = Sent(moment(self._clock), next(_orders))
            self.cut_short = False
            value, error = await self._attempt(request)
            if value is not None:
                return value
            assert error is not None  # noqa: S101  # one of the two
            tried += 1
            await self._wait(tried, error)

    def note(self, error: CoreBackendError, key: Key, cache: Cache) -> None:
        """Tell the cache what follows from the failure of the last of them."""
        treatment = treatment_of(error)
        order = self.sent.order
        if treatment.evicts:
            cache.evict(key, order, error)
        # That an invocation left it too little time says nothing about the service.
        if treatment.transient and not self.cut_short:
            cache.remember(key, error, order, cool_down)
        elif treatment.remembered:
            cache.remember(key, error, order, lambda _: treatment.remembered)

    async def _wait(self, tried: int, error: CoreBackendError) -> None:
        """Wait before the next attempt.

        Raises:
            CoreBackendError: ``error``, where there is to be no other.
        """
        if self._was_stopped():
            # Nothing could have answered a frozen environment, so it has not had its time.
            self._thawed = True
            self._started = self._now()
            self.cut_short = not self._begun_anew()
            if self.cut_short:
                raise error
            return
        most = min(treatment_of(error).attempts, self._settings.attempts)
        delay = self._random() * _FIRST_DELAY * 2.0 ** (tried - 1)
        if tried >= most or delay >= self._left():
            raise error
        await self._clock.sleep(delay)

    async def _attempt(
        self, request: SecretRequest
    ) -> tuple[SecretValue | None, CoreBackendError | None]:
        # Errors are handed on as values: raised again, each would carry the one before.
        try:
            async with asyncio.timeout(self._left()):
                return await self._source.fetch(request), None
        except CoreBackendError as error:
            return None, error
        except TimeoutError:
            self.cut_short = self._seconds < self._settings.timeout
            return None, SecretTimeoutError(
                f"secret {request.label!r}: no answer within {self._seconds:.1f} s; see that the "
                f"function can reach Secrets Manager (in a VPC, an interface endpoint or a NAT), "
                f"or allow it more with the setting timeout",
                secret_id=request.label,
            )
        except Exception as error:  # noqa: BLE001  # a source's own defect must strand no waiter
            # Only its type: the text might hold what was being read.
            return None, SecretUnavailableError(
                f"secret {request.label!r}: the source failed with {type(error).__name__}; "
                f"this is a defect, please report it",
                secret_id=request.label,
            )

    def _was_stopped(self) -> bool:
        """Whether the process stood still past the deadline, for the first time."""
        return not self._thawed and self._left() <= -_STOPPED

    def _left(self) -> float:
        return self._started + self._seconds - self._now()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
