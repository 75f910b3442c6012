"""Charges a card. The function is behind an HTTP API and reads three secrets.

There is no real payment. Instead the answer has a fingerprint of each secret, which shows which
version was used and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from secret_names import DATABASE_PASSWORD, STRIPE_API_KEY, WEBHOOK_SIGNING_KEY

from core_backend import async_handler, get_env, get_secrets


@async_handler
async def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Charge the amount in the request's body."""
    # All three are being fetched while the request is checked.
    secrets = get_secrets(
        get_env(STRIPE_API_KEY), get_env(DATABASE_PASSWORD), get_env(WEBHOOK_SIGNING_KEY)
    )
    amount = amount_of(event)
    if amount is None:
        return answer(400, {"error": 'send JSON such as {"amount": 1200}, in cents'})
    stripe, database, webhook = await secrets
    used = {
        STRIPE_API_KEY: fingerprint(stripe),
        DATABASE_PASSWORD: fingerprint(database),
        WEBHOOK_SIGNING_KEY: fingerprint(webhook),
    }
    return answer(200, {"charged": amount, "used": used})


def amount_of(event: dict[str, Any]) -> int | None:
    """Return the amount to charge, in cents, or ``None`` if the body has no valid amount."""
    try:
        amount = json.loads(event["body"])["amount"]
    except (KeyError, TypeError, ValueError):
        return None
    return amount if type(amount) is int and amount > 0 else None


def fingerprint(secret: str) -> str:
    """Return a short hash, from which nobody can find a value that is long and random."""
    return hmac.new(secret.encode(), b"charges", hashlib.sha256).hexdigest()[:8]


def answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return a response in the format of an HTTP API."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }
