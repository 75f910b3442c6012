"""Five tests as a user would write them."""

import json

import boto3
from moto import mock_aws
from shop import api, batch, plain
from shop.secret_names import DATABASE, STRIPE_API_KEY

from core_backend import SecretDeletedError
from core_backend.testing import http_api_event, sqs_event


def test_a_warm_api_fetches_once(fake_secrets, lambda_context, count):
    fake_secrets[STRIPE_API_KEY] = "sk_live_1"
    fake_secrets[DATABASE] = {"user": "shop", "password": "hunter2"}
    for number in range(5):
        answer = api.handler(http_api_event(path=f"/charges/{number}"), lambda_context)
        assert answer["statusCode"] == 200
        assert json.loads(answer["body"]) == {"number": number, "live": True, "user": "shop"}
    count()


def test_an_api_says_which_secret_it_misses(fake_secrets, lambda_context, count):
    fake_secrets[STRIPE_API_KEY] = SecretDeletedError
    fake_secrets[DATABASE] = {"user": "shop"}
    answer = api.handler(http_api_event(path="/charges/1"), lambda_context)
    assert answer["statusCode"] == 503
    assert "stripe-api-key" in answer["body"]
    count()


def test_a_batch_fetches_once_and_returns_what_failed(fake_secrets, lambda_context, count):
    fake_secrets[STRIPE_API_KEY] = "sk_live_1"
    event = sqs_event({"id": 1, "amount": 5}, {"id": 2, "amount": 0}, {"id": 3, "amount": 7})
    failed = event["Records"][1]["messageId"]
    for _ in range(2):
        answer = batch.handler(event, lambda_context)
        assert answer == {"batchItemFailures": [{"itemIdentifier": failed}]}
    count()


@mock_aws
async def test_an_async_handler_with_moto(lambda_context, monkeypatch, count):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv(STRIPE_API_KEY.env_key, "test/stripe")
    boto3.client("secretsmanager").create_secret(Name="test/stripe", SecretString="sk_test")
    for _ in range(3):
        assert await plain.handler({}, lambda_context) == 7
    count()


async def test_a_rotated_key_is_used_after_its_expiry(
    fake_secrets, fake_clock, lambda_context, count
):
    fake_secrets[STRIPE_API_KEY] = "old"
    assert await plain.handler({}, lambda_context) == 3
    fake_secrets.rotate(STRIPE_API_KEY, "newer")
    fake_clock.advance(600)
    assert await plain.handler({}, lambda_context) == 5
    count()
