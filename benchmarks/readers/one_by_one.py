"""boto3, with one client kept. It caches nothing."""

from __future__ import annotations

import boto3

__all__ = ["prepare", "read"]

client = boto3.client("secretsmanager")


def prepare(ttl: int) -> None:
    """Have nothing to set."""


def read(secret: str, fresh: bool, stage: str | None) -> str:
    """Read it; each time from the service."""
    options = {"VersionStage": stage} if stage else {}
    value: str = client.get_secret_value(SecretId=secret, **options)["SecretString"]
    return value
