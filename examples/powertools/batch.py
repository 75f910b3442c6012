"""Powertools' batch processor, sync and async. Both handlers are sync: it brings its own loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    BatchProcessor,
    EventType,
    async_process_partial_response,
    process_partial_response,
)

from core_backend import SecretName, get_secret, sync_handler

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

STRIPE_API_KEY = SecretName("stripe-api-key")


def charge(record: SQSRecord) -> str:
    """Charge what one message asks for."""
    return pay(record.body, get_secret(STRIPE_API_KEY).result())


@sync_handler
def handler(event: dict[str, Any], context: Any) -> Any:
    """Charge one message after the other."""
    return process_partial_response(event, charge, BatchProcessor(EventType.SQS), context)


async def charge_async(record: SQSRecord) -> str:
    """Charge what one message asks for. All messages wait for one fetch."""
    return pay(record.body, await get_secret(STRIPE_API_KEY))


@sync_handler
def async_batch_handler(event: dict[str, Any], context: Any) -> Any:
    """Charge all messages at the same time."""
    return async_process_partial_response(
        event, charge_async, AsyncBatchProcessor(EventType.SQS), context
    )


def pay(amount: str, key: str) -> str:
    """Charge an amount, unless it is not a number. The call to Stripe is left out."""
    return f"charged {int(amount)} with a key of {len(key)} letters"
