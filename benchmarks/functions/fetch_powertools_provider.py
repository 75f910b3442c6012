"""Powertools' parameters, one secret after the other. Its client is made at import."""

import asyncio

from aws_lambda_powertools.utilities.parameters import SecretsProvider

provider = SecretsProvider()


async def main(event):
    values = [provider.get(secret, max_age=300) for secret in event["secrets"]]
    return {"fetched": len(values)}


def handler(event, context):
    return asyncio.run(main(event))
