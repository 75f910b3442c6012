"""An SQS consumer without a framework: all messages at once, one fetch, failures one by one."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from core_backend import SecretError, SecretName, async_handler, get_secret

STRIPE_API_KEY = SecretName("stripe-api-key")

log = logging.getLogger(__name__)


@async_handler(prefetch=[STRIPE_API_KEY])
async def handler(event: dict[str, Any], context: Any) -> dict[str, object]:
    """Charge what the messages ask for, and tell SQS which of them to deliver again."""
    records = event["Records"]
    outcomes = await asyncio.gather(*map(charge, records), return_exceptions=True)
    failed: list[str] = []
    for record, outcome in zip(records, outcomes, strict=True):
        # Without the key no message can be handled: let the whole invocation fail, so that Lambda
        # counts it as failed and slows down.
        if isinstance(outcome, SecretError):
            raise outcome
        if isinstance(outcome, Exception):
            log.error("message %s failed: %r", record["messageId"], outcome)
            failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


async def charge(record: dict[str, Any]) -> None:
    """Charge what one message asks for. The call to Stripe, which takes the key, is left out."""
    await get_secret(STRIPE_API_KEY)
    amount = json.loads(record["body"])["amount"]
    if amount <= 0:
        raise ValueError(amount)
