"""One fetch, retried within its policy and time limit. Errors leave here without frames.

``Attempts.outcome`` is where an error's frames end. They hold the source, and with it credentials,
requests and answers. So it returns a new error of the same kind, without frames and causes.
"""

from __future__ import annotations

import asyncio
import math
from itertools import count
from typing import TYPE_CHECKING

from core_backend._clock import Sent, moment
from core_backend._engine.failures import policy_for, retry_delay, shortage_error
from core_backend.errors import CoreBackendError, SecretTimeoutError, SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources import SecretRequest, SecretSource, SecretValue

__all__ = ["Attempts"]

# A timer that fires this many seconds late was not slow: the process was frozen meanwhile.
_FROZEN = 0.25

_orders = count(1)


class Attempts:
    """The attempts of one fetch.

    Args:
        source: What is asked.
        settings: How often it is asked, and for how long.
        clock: Dates the value, and waits between attempts.
        random: Returns a number from 0 to 1, which varies the delays.
        left: What is left of the invocation, in seconds.

    Attributes:
        sent: When the last attempt was sent, which dates its answer.
        had_seconds: Callers with more seconds left than this ask again; see ``Flight``.
        was_lacking: Whether it failed because the process lacks something, such as descriptors.
    """

    def __init__(
        self,
        source: SecretSource,
        settings: Settings,
        clock: Clock,
        random: Callable[[], float],
        left: float,
    ) -> None:
        self._source = source
        self._settings = settings
        self._clock = clock
        self._random = random
        self._seconds = min(settings.timeout, left)
        self._deadline = 0.0
        self.sent = Sent(moment(clock), 0)
        self.had_seconds = math.inf
        self.was_lacking = False

    async def outcome(self, request: SecretRequest) -> SecretValue | CoreBackendError:
        """Return the value, or the last attempt's error as a new one without frames."""
        self._deadline = _now() + self._seconds
        tried = 0
        while True:
            tried += 1
            self.sent = Sent(moment(self._clock), next(_orders))
            self.had_seconds = math.inf
            self.was_lacking = False
            try:
                return await self._attempt(request)
            except CoreBackendError as error:
                failure = error.fresh()
            if not await self._wait_for_next(tried, failure):
                return failure

    async def _attempt(self, request: SecretRequest) -> SecretValue:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._source.fetch(request)
        except CoreBackendError:
            raise
        except TimeoutError:
            if self._seconds < self._settings.timeout:
                self.had_seconds = self._seconds
            raise SecretTimeoutError(
                f"secret {request.label!r}: no answer within {self._seconds:.1f} s; see that the "
                f"function can reach Secrets Manager (in a VPC, an interface endpoint or a NAT), "
                f"or raise the setting timeout",
                secret_id=request.label,
            ) from None
        except Exception as error:  # noqa: BLE001  # a source's own defect must strand no one
            failure = shortage_error(request, error)
            if failure is not None:
                self.was_lacking = True
                raise failure from None
            # Only its type: the text might quote what was being read.
            raise SecretUnavailableError(
                f"secret {request.label!r}: the source failed with {type(error).__name__}; "
                f"this is a defect, please report it",
                secret_id=request.label,
            ) from None

    async def _wait_for_next(self, tried: int, failure: CoreBackendError) -> bool:
        """Wait before the next attempt. Returns whether there is to be one."""
        left = self._deadline - _now()
        if left <= -_FROZEN:
            self.had_seconds = -math.inf
            return False
        delay = retry_delay(tried, self._random)
        if tried >= min(policy_for(failure).attempts, self._settings.attempts) or delay >= left:
            return False
        await self._clock.sleep(delay)
        return True


def _now() -> float:
    return asyncio.get_running_loop().time()
