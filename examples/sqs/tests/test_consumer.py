import pytest
from consumer import STRIPE_API_KEY, handler

from core_backend import SecretThrottledError
from core_backend.testing import sqs_event

EVENT = sqs_event({"amount": 1200}, {"amount": -1}, "not JSON", {"amount": 300})


async def test_only_the_messages_that_failed_come_again(fake_secrets, lambda_context):
    fake_secrets[STRIPE_API_KEY] = "sk_live_pl4nted"
    answer = await handler(EVENT, lambda_context)
    failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
    assert failed == [EVENT["Records"][1]["messageId"], EVENT["Records"][2]["messageId"]]
    assert fake_secrets.calls == [STRIPE_API_KEY]


async def test_without_the_key_the_whole_batch_comes_again(fake_secrets, lambda_context):
    fake_secrets[STRIPE_API_KEY] = "sk_live_pl4nted"
    fake_secrets.fail_with(SecretThrottledError)
    with pytest.raises(SecretThrottledError):
        await handler(EVENT, lambda_context)
