"""Chalice: an application that is a sync handler, and that ``chalice deploy`` still takes."""

from __future__ import annotations

from typing import Any

from chalice import Chalice

from core_backend import SecretName, get_secret, prefetch, sync_handler

STRIPE_API_KEY = SecretName("stripe-api-key")

# It is being fetched while the rest of the application is set up.
prefetch(STRIPE_API_KEY)


class Application(Chalice):
    """Lambda calls the application itself. Elsewhere ``sync_handler(app)`` does the same."""

    @sync_handler
    def __call__(self, event: Any, context: Any) -> Any:
        """Answer a request."""
        return super().__call__(event, context)


app = Application(app_name="charges")


@app.route("/charges", methods=["POST"])
def charge() -> dict[str, object]:
    """Charge an amount."""
    return pay(app.current_request.json_body["amount"])


@sync_handler  # above, because Lambda calls what Chalice makes of the function
@app.on_sqs_message(queue="charges")
def charge_later(event: Any) -> None:
    """Charge the amounts that are queued."""
    for record in event:
        pay(int(record.body))


def pay(amount: int) -> dict[str, object]:
    """Charge an amount. The call to Stripe, which takes the key, is left out."""
    key = get_secret(STRIPE_API_KEY).result()
    return {"charged": amount, "live": key.startswith("sk_live_")}
