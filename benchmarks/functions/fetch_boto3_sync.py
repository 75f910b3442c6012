"""boto3, one secret after the other, in a plain handler: without asyncio's import."""

import os

import boto3

client = boto3.client("secretsmanager")


def handler(event, context):
    values = [
        client.get_secret_value(SecretId=secret)["SecretString"] for secret in event["secrets"]
    ]
    return {"fetched": len(values), "process": os.getpid()}
