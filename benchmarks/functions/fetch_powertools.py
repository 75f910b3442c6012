"""Powertools' parameters, one secret after the other. Its client is made by the first read."""

import asyncio

from aws_lambda_powertools.utilities import parameters


async def main(event):
    values = [parameters.get_secret(secret, max_age=300) for secret in event["secrets"]]
    return {"fetched": len(values)}


def handler(event, context):
    return asyncio.run(main(event))
