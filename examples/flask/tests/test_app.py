import json

import pytest
from app import API_KEY, STRIPE_API_KEY, handler

from core_backend.testing import http_api_event

KEY = {"x-api-key": "pl4nted-api-key"}


@pytest.fixture
def secrets(fake_secrets):
    fake_secrets[API_KEY] = KEY["x-api-key"]
    fake_secrets[STRIPE_API_KEY] = "sk_live_pl4nted"
    return fake_secrets


def post(amount, headers=KEY):
    return http_api_event("POST", "/charges", body={"amount": amount}, headers=headers)


def test_many_requests_fetch_each_secret_once(secrets, lambda_context):
    answers = [handler(post(amount), lambda_context) for amount in (1, 2, 3)]

    assert [answer["statusCode"] for answer in answers] == [200] * 3
    assert json.loads(answers[2]["body"]) == {"charged": 3, "live": True}
    assert sorted(secrets.calls) == sorted([API_KEY, STRIPE_API_KEY])


def test_a_wrong_key_is_refused(secrets, lambda_context):
    assert handler(post(1, {"x-api-key": "guessed"}), lambda_context)["statusCode"] == 401


def test_a_rotated_key_is_taken_once_the_old_one_expires(secrets, lambda_context, fake_clock):
    handler(post(1), lambda_context)
    secrets.rotate(API_KEY, "pl4nted-new")
    fake_clock.advance(600)
    assert handler(post(1, {"x-api-key": "pl4nted-new"}), lambda_context)["statusCode"] == 200
    assert handler(post(1), lambda_context)["statusCode"] == 401
