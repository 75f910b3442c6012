"""boto3, one secret after the other, in an async handler."""

import asyncio
import os

import boto3

client = boto3.client("secretsmanager")


async def main(event):
    values = [
        client.get_secret_value(SecretId=secret)["SecretString"] for secret in event["secrets"]
    ]
    return {"fetched": len(values), "process": os.getpid()}


def handler(event, context):
    return asyncio.run(main(event))
