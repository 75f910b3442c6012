from core_backend import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")
DATABASE = SecretName("shop/database").json()
