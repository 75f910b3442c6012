import io
import json

import pytest
from api import STRIPE_API_KEY, api_handler, handler, logger
from batch import async_batch_handler
from batch import handler as batch_handler

from core_backend.testing import http_api_event, sqs_event


@pytest.fixture
def secrets(fake_secrets):
    fake_secrets[STRIPE_API_KEY] = "sk_live_pl4nted"
    return fake_secrets


def test_the_decorators_do_their_work_around_an_async_handler(
    secrets, lambda_context, monkeypatch, capsys
):
    log = io.StringIO()
    monkeypatch.setattr(logger.handlers[0], "stream", log)
    assert handler({"amount": 1200}, lambda_context) == {"charged": 1200, "live": True}

    line = json.loads(log.getvalue())
    assert line["function_request_id"] == lambda_context.aws_request_id
    assert line["version"]
    assert "pl4nted" not in str(line)
    assert json.loads(capsys.readouterr().out)["charges"] == [1.0]


def test_a_resolver_is_a_sync_handler(secrets, lambda_context):
    event = http_api_event("POST", "/charges", body={"amount": 1200})
    answer = api_handler(event, lambda_context)
    assert json.loads(answer["body"]) == {"charged": 1200, "live": True}


@pytest.mark.parametrize("handler", [batch_handler, async_batch_handler])
def test_only_the_messages_that_failed_come_again(secrets, lambda_context, handler):
    event = sqs_event("1200", "a lot", "300")
    answer = handler(event, lambda_context)
    failed = event["Records"][1]["messageId"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": failed}]}
    assert secrets.calls == [STRIPE_API_KEY]
