"""Tests of the service: with fakes, with moto, and of what can go wrong."""

import json

import boto3
import pytest
from handler import fingerprint, handler
from moto import mock_aws
from secret_names import DATABASE_PASSWORD, STRIPE_API_KEY, WEBHOOK_SIGNING_KEY

from core_backend import SecretsFailedError
from core_backend.testing import fake_env, http_api_event

CHARGE = http_api_event("POST", "/charges", body={"amount": 1200})


@pytest.fixture
def secrets(fake_secrets):
    fake_secrets[STRIPE_API_KEY] = "sk_test_1"
    fake_secrets[DATABASE_PASSWORD] = "hunter2"
    fake_secrets[WEBHOOK_SIGNING_KEY] = "whsec_1"
    return fake_secrets


async def test_a_charge_uses_all_three_secrets(secrets, lambda_context):
    answer = await handler(CHARGE, lambda_context)
    assert answer["statusCode"] == 200
    body = json.loads(answer["body"])
    assert body["charged"] == 1200
    assert body["used"][STRIPE_API_KEY] == fingerprint("sk_test_1")
    assert sorted(secrets.calls) == sorted([STRIPE_API_KEY, DATABASE_PASSWORD, WEBHOOK_SIGNING_KEY])


async def test_no_value_is_in_the_answer(secrets, lambda_context):
    answer = await handler(CHARGE, lambda_context)
    assert not any(value in json.dumps(answer) for value in secrets.values())


async def test_a_rotated_key_is_used_once_the_old_one_expires(secrets, lambda_context, fake_clock):
    before = json.loads((await handler(CHARGE, lambda_context))["body"])["used"]
    secrets.rotate(STRIPE_API_KEY, "sk_test_2")
    fake_clock.advance(600)
    after = json.loads((await handler(CHARGE, lambda_context))["body"])["used"]
    assert [name for name in before if before[name] != after[name]] == [STRIPE_API_KEY]


@pytest.mark.parametrize("body", [None, "no JSON", [], {"amount": "12"}, {"amount": -1}])
async def test_a_request_without_an_amount_is_refused(secrets, lambda_context, body):
    answer = await handler(http_api_event("POST", "/charges", body=body), lambda_context)
    assert answer["statusCode"] == 400


async def test_all_secrets_that_are_missing_are_named(secrets, lambda_context):
    del secrets[STRIPE_API_KEY]
    del secrets[WEBHOOK_SIGNING_KEY]
    with pytest.raises(SecretsFailedError) as error:
        await handler(CHARGE, lambda_context)
    assert set(error.value.failures) == {STRIPE_API_KEY, WEBHOOK_SIGNING_KEY}


@mock_aws
def test_a_sync_test_with_moto(lambda_context, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    client = boto3.client("secretsmanager")
    names = [STRIPE_API_KEY, DATABASE_PASSWORD, WEBHOOK_SIGNING_KEY]
    for name in names:
        client.create_secret(Name=f"test/{name}", SecretString=f"value of {name}")
    with fake_env({name: f"test/{name}" for name in names}):
        answer = handler(CHARGE, lambda_context)
    assert json.loads(answer["body"])["used"] == {
        name: fingerprint(f"value of {name}") for name in names
    }
