"""A Slack webhook: the request is read only if its signature is right.

Source: Slack's documentation, "Verifying requests from Slack". Stripe, GitHub and others sign in
the same way; only the header and the signed text differ.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from core_backend import SecretName, async_handler, get_secret

SIGNING_SECRET = SecretName("slack-signing-secret")

# What is older was recorded by somebody, and is sent once more.
MAX_AGE = 300


@async_handler(prefetch=[SIGNING_SECRET])
async def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer what Slack sends, and nobody else."""
    secret = await get_secret(SIGNING_SECRET)
    body = body_of(event)
    if not is_signed(event["headers"], body, secret):
        return {"statusCode": 401, "body": "the signature is missing, old or wrong"}
    return {"statusCode": 200, "body": f"received {len(body)} bytes"}


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Whether Slack signed this body within the last five minutes."""
    timestamp = headers.get("x-slack-request-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > MAX_AGE:
        return False
    signed = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256)
    given = headers.get("x-slack-signature", "")
    # In constant time, so that the answer's delay tells nothing.
    return hmac.compare_digest(f"v0={signed.hexdigest()}".encode(), given.encode())


def body_of(event: dict[str, Any]) -> bytes:
    """Return the body as it was sent: the signature is of these bytes."""
    body = event.get("body", "").encode()
    return base64.b64decode(body) if event.get("isBase64Encoded") else body
