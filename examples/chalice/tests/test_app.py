import json

import pytest
from app import STRIPE_API_KEY, app, charge_later

from core_backend import SecretTimeoutError
from core_backend.testing import FakeContext, sqs_event

# A request to a REST API, as far as Chalice reads it.
REQUEST = {
    "requestContext": {"httpMethod": "POST", "resourcePath": "/charges"},
    "headers": {"content-type": "application/json"},
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "stageVariables": None,
    "isBase64Encoded": False,
    "body": json.dumps({"amount": 1200}),
}


@pytest.fixture
def secrets(fake_secrets):
    fake_secrets[STRIPE_API_KEY] = "sk_live_pl4nted"
    return fake_secrets


def test_requests_and_messages_share_one_fetch(secrets, lambda_context):
    answer = app(REQUEST, lambda_context)
    charge_later(sqs_event("1200", "300"), lambda_context)

    assert json.loads(answer["body"]) == {"charged": 1200, "live": True}
    assert secrets.calls == [STRIPE_API_KEY]


def test_the_remaining_time_limits_the_fetch(secrets):
    with pytest.raises(SecretTimeoutError):
        charge_later(sqs_event("1200"), FakeContext(timeout=0.2))
