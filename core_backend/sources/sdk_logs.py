"""Masks values and credentials in the SDK's debug log, which prints whole answers."""

from __future__ import annotations

import logging

__all__ = ["mask_sdk_logs"]

# Loggers that print requests or answers as they are sent.
_ON_THE_WIRE = (
    "aiobotocore.endpoint",
    "aiobotocore.httpsession",
    "botocore.auth",
    "botocore.endpoint",
    "botocore.httpsession",
    "botocore.parsers",
)
_PREFIXES = ("aiobotocore", "botocore", "boto3", "aiohttp", "httpx", "urllib3")
_SECRET_WORDS = ("secretstring", "secretbinary", "security-token", "secret_key", "sessiontoken")


class _Mask(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.DEBUG and _may_hold_secret(record):
            record.msg = "(masked: this line could hold a secret or a session token)"
            record.args = ()
            record.exc_info = record.exc_text = None
        return True


_mask = _Mask("core_backend")


def mask_sdk_logs() -> None:
    """Add the filter to every logger that the SDK has made so far. Repeating it is harmless."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith(_PREFIXES)]
    for name in {*names, *_ON_THE_WIRE}:
        logging.getLogger(name).addFilter(_mask)


def _may_hold_secret(record: logging.LogRecord) -> bool:
    if record.name in _ON_THE_WIRE:
        return True
    try:
        text = record.getMessage().lower()
    except Exception:  # noqa: BLE001  # a record that cannot be formatted is masked
        return True
    return any(word in text for word in _SECRET_WORDS)
