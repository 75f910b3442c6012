"""boto3, one secret after the other, in a plain handler: asyncio is not imported."""

import boto3

client = boto3.client("secretsmanager")


def handler(event, context):
    values = [
        client.get_secret_value(SecretId=secret)["SecretString"] for secret in event["secrets"]
    ]
    return {"fetched": len(values)}
