"""aws-secretsmanager-caching, one secret after the other. Its client is made at import."""

import asyncio

import botocore.session
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

client = botocore.session.get_session().create_client("secretsmanager")
cache = SecretCache(config=SecretCacheConfig(), client=client)


async def main(event):
    values = [cache.get_secret_string(secret) for secret in event["secrets"]]
    return {"fetched": len(values)}


def handler(event, context):
    return asyncio.run(main(event))
