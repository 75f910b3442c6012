"""A queue's messages, through Powertools: those that fail come again, the others do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    EventType,
    async_process_partial_response,
)

from core_backend import get_env, get_secret
from shop.secret_names import STRIPE_API_KEY

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

processor = AsyncBatchProcessor(event_type=EventType.SQS)


async def charge(record: SQSRecord) -> str:
    order = json.loads(record.body)
    api_key = await get_secret(get_env(STRIPE_API_KEY))
    if order["amount"] <= 0:
        raise ValueError(f"order {order['id']} has nothing to charge")
    return f"charged {order['id']} with a key of {len(api_key)} characters"


def handler(event: dict[str, Any], context: Any) -> Any:
    return async_process_partial_response(
        event=event, record_handler=charge, processor=processor, context=context
    )
