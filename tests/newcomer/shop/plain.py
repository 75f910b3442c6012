from core_backend import async_handler, get_env, get_secrets
from shop.secret_names import STRIPE_API_KEY


@async_handler
async def handler(event, context):
    [api_key] = get_secrets(get_env(STRIPE_API_KEY))
    return len(await api_key)
