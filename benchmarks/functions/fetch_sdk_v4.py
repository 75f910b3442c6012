"""The AWS SDK for Python v4, all at the same time, its client made at import."""

import asyncio

from aws_sdk_secrets_manager.client import AsyncSecretsManagerClient
from aws_sdk_secrets_manager.config import AsyncSecretsManagerConfig
from aws_sdk_secrets_manager.models import GetSecretValueInput


async def connect():
    return AsyncSecretsManagerClient(config=await AsyncSecretsManagerConfig.resolve())


loop = asyncio.new_event_loop()
client = loop.run_until_complete(connect())


async def main(event):
    answers = await asyncio.gather(
        *(
            client.get_secret_value(GetSecretValueInput(secret_id=secret))
            for secret in event["secrets"]
        )
    )
    values = [answer.secret_string for answer in answers]
    return {"fetched": len(values)}


def handler(event, context):
    return loop.run_until_complete(main(event))
