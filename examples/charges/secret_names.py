"""The secrets of this service, one line each. The handler and the stack both import them."""

from core_backend import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")
DATABASE_PASSWORD = SecretName("database-password")
WEBHOOK_SIGNING_KEY = SecretName("webhook-signing-key")
