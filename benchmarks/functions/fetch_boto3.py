"""boto3, one secret after the other, in an async handler. Its client is made at import."""

import asyncio

import boto3

client = boto3.client("secretsmanager")


async def main(event):
    values = [
        client.get_secret_value(SecretId=secret)["SecretString"] for secret in event["secrets"]
    ]
    return {"fetched": len(values)}


def handler(event, context):
    return asyncio.run(main(event))
