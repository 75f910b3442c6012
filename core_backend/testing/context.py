"""The context that Lambda passes to a handler."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    # To type checkers a subclass of Any is every class that a handler's context may be declared as.
    _AnyContext = Any
else:
    _AnyContext = object

__all__ = ["FakeContext"]

_ACCOUNT = "123456789012"


class FakeContext(_AnyContext):  # type: ignore[misc]  # what it is for
    """A Lambda context whose remaining time counts down.

    Type checkers accept it for any class that a handler declares its context as.

    Source of the attributes: Lambda developer guide, "Using the Lambda context object to retrieve
    Python function information".

    Args:
        timeout: Seconds that the invocation may take, counted from now. Lambda's own default is 3;
            a test on a busy machine may need more.
        function_name: The function's name.
        region: The Region in the function's ARN.
        memory_limit_in_mb: The function's memory.
        monotonic: Returns the time, in seconds. Pass a ``FakeClock``'s ``monotonic`` to let that
            clock count down the invocation.
    """

    def __init__(
        self,
        *,
        timeout: float = 30.0,
        function_name: str = "test",
        region: str = "us-east-1",
        memory_limit_in_mb: int = 128,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self.client_context: Any = None
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.identity: Any = None
        self.invoked_function_arn = f"arn:aws:lambda:{region}:{_ACCOUNT}:function:{function_name}"
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = "2025/01/01/[$LATEST]0123456789abcdef0123456789abcdef"
        # A str on Lambda too: the runtime client takes it from the environment.
        self.memory_limit_in_mb = str(memory_limit_in_mb)
        self.tenant_id: str | None = None
        self._monotonic = monotonic
        self._deadline = monotonic() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the invocation's time, in milliseconds; never less than 0."""
        return max(0, int((self._deadline - self._monotonic()) * 1000))
