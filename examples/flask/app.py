"""Flask behind an adapter: the same as in any sync handler, with ``.result()``."""

from __future__ import annotations

import hmac

from apig_wsgi import make_lambda_handler
from flask import Flask, abort, request

from core_backend import SecretName, get_secret, get_secrets, sync_handler

API_KEY = SecretName("api-key")
STRIPE_API_KEY = SecretName("stripe-api-key")

app = Flask(__name__)


@app.before_request
def check_api_key() -> None:
    """Let in only those who send the key."""
    # Both at once: while this waits for one of them, the other is on its way as well.
    expected, _ = get_secrets(API_KEY, STRIPE_API_KEY)
    given = request.headers.get("x-api-key", "")
    if not hmac.compare_digest(given.encode(), expected.result().encode()):
        abort(401)


@app.post("/charges")
def charge() -> dict[str, object]:
    """Charge an amount. The call to Stripe, which takes the key, is left out."""
    key = get_secret(STRIPE_API_KEY).result()
    return {"charged": request.get_json()["amount"], "live": key.startswith("sk_live_")}


# On Lambda both are fetched while the function starts.
handler = sync_handler(make_lambda_handler(app), prefetch=[API_KEY, STRIPE_API_KEY])
