"""What type checkers make of tests. Never executed: mypy and pyright have to accept it."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import Any, assert_type

from core_backend import SecretName, SecretThrottledError, async_handler
from core_backend.testing import FakeClock, FakeContext, FakeSecrets, fake_secrets

STRIPE_API_KEY = SecretName("stripe-api-key")


class LambdaContext:
    """The class of somebody's context, such as that of Powertools."""

    aws_request_id: str


@async_handler
async def handler(event: dict[str, Any], context: LambdaContext) -> str:
    """Handle an event, with a context of that class."""
    return context.aws_request_id


def test_fixtures(
    fake_secrets: FakeSecrets, fake_clock: FakeClock, lambda_context: FakeContext
) -> None:
    """Use the fixtures."""
    fake_secrets[STRIPE_API_KEY] = "sk_test_1"
    fake_secrets.rotate(STRIPE_API_KEY, {"a": 1})
    fake_secrets.fail_with(SecretThrottledError, times=2)
    fake_secrets.fail_with([SecretThrottledError, None], secret=STRIPE_API_KEY)
    fake_secrets.latency = lambda: 0.1
    assert_type(fake_secrets.calls, list[str])
    assert_type(fake_secrets.call_times, list[float])
    fake_clock.advance(600)
    assert_type(lambda_context.get_remaining_time_in_millis(), int)
    handler({}, lambda_context)


def test_blocks() -> None:
    """Use what the fixtures are made of."""
    with fake_secrets({STRIPE_API_KEY: "sk_test_1"}) as secrets:
        assert_type(secrets, FakeSecrets)
    with fake_secrets(".env"):
        handler({}, FakeContext(timeout=3))
