"""Powertools: its decorators go above, ours directly above the handler."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.metrics import MetricUnit

from core_backend import SecretName, async_handler, get_secret, sync_handler

STRIPE_API_KEY = SecretName("stripe-api-key")

logger = Logger(service="charges")
tracer = Tracer(service="charges")
metrics = Metrics(namespace="Shop", service="charges")
app = APIGatewayHttpResolver()


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
@async_handler
async def handler(event: dict[str, Any], context: Any) -> dict[str, object]:
    """Charge an amount. The call to Stripe, which takes the key, is left out."""
    key, version = await get_secret(STRIPE_API_KEY).with_version()
    metrics.add_metric(name="charges", unit=MetricUnit.Count, value=1)
    # The id of a version is not a secret. Never log a value: Powertools writes lines with
    # json.dumps, which writes out a masked text like any other.
    logger.info("charging", extra={"version": version})
    return {"charged": event["amount"], "live": key.startswith("sk_live_")}


@app.post("/charges")
def charge() -> dict[str, object]:
    """Do the same behind Powertools' resolver, which calls routes synchronously."""
    key = get_secret(STRIPE_API_KEY).result()
    return {"charged": app.current_event.json_body["amount"], "live": key.startswith("sk_live_")}


@logger.inject_lambda_context
@sync_handler
def api_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request."""
    return app.resolve(event, context)
