"""A function whose secrets are under way before its module has been imported."""

from core_backend import SecretName, async_handler, get_env, get_secrets, secrets_info

KEY = SecretName("api-key")


@async_handler(prefetch=[KEY, "plain"])
async def handler(event, context):
    key, plain = await get_secrets(get_env(KEY), "plain")
    return {
        "values": [key, plain] == event["values"],
        "fetches": secrets_info().fetches,
        "fetches_by_import": fetches_by_import,
    }


fetches_by_import = secrets_info().fetches
