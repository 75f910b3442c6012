"""aws-secretsmanager-caching, one secret after the other."""

import asyncio
import os

import botocore.session
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

client = botocore.session.get_session().create_client("secretsmanager")
cache = SecretCache(config=SecretCacheConfig(), client=client)


async def main(event):
    values = [cache.get_secret_string(secret) for secret in event["secrets"]]
    return {"fetched": len(values), "process": os.getpid()}


def handler(event, context):
    return asyncio.run(main(event))
