"""Powertools' parameters, one secret after the other."""

import asyncio
import os

from aws_lambda_powertools.utilities import parameters


async def main(event):
    values = [parameters.get_secret(secret, max_age=300) for secret in event["secrets"]]
    return {"fetched": len(values), "process": os.getpid()}


def handler(event, context):
    return asyncio.run(main(event))
