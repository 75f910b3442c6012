import hashlib
import hmac
import time

import pytest
from slack import SIGNING_SECRET, handler

from core_backend.testing import http_api_event

SECRET = "pl4nted-signing-secret"
BODY = "token=1&text=hello"


@pytest.fixture(autouse=True)
def secrets(fake_secrets):
    fake_secrets[SIGNING_SECRET] = SECRET
    return fake_secrets


def sent(body=BODY, *, at=None, secret=SECRET, signed=BODY):
    at = int(time.time() if at is None else at)
    signature = hmac.new(secret.encode(), f"v0:{at}:{signed}".encode(), hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": str(at), "x-slack-signature": f"v0={signature}"}
    return http_api_event("POST", "/slack", body=body, headers=headers)


@pytest.mark.parametrize("body", [BODY, BODY.encode()])
async def test_a_request_that_slack_signed_is_answered(lambda_context, body):
    assert (await handler(sent(body), lambda_context))["statusCode"] == 200


@pytest.mark.parametrize(
    "event",
    [
        http_api_event("POST", "/slack", body=BODY),
        sent(secret="guessed"),
        sent("another body"),
        sent(at=time.time() - 600),
        sent() | {"headers": {"x-slack-request-timestamp": "now"}},
    ],
    ids=["unsigned", "signed by another", "another body", "old", "at no time"],
)
async def test_any_other_request_is_refused(lambda_context, event):
    assert (await handler(event, lambda_context))["statusCode"] == 401


async def test_a_new_signing_secret_is_used_once_the_old_one_expires(
    secrets, lambda_context, fake_clock
):
    await handler(sent(), lambda_context)
    secrets.rotate(SIGNING_SECRET, "pl4nted-new")
    fake_clock.advance(600)
    answer = await handler(sent(secret="pl4nted-new"), lambda_context)
    assert answer["statusCode"] == 200
