"""Keeps values and credentials out of the SDK's debug log, which prints whole answers."""

from __future__ import annotations

import logging

__all__ = ["mask_sdk_logs"]

# Loggers that print requests or answers as they go over the wire.
_ON_THE_WIRE = (
    "aiobotocore.endpoint",
    "aiobotocore.httpsession",
    "botocore.auth",
    "botocore.endpoint",
    "botocore.httpsession",
    "botocore.parsers",
)
_PREFIXES = ("aiobotocore", "botocore", "boto3", "aiohttp", "httpx", "urllib3")
_TELLTALES = ("secretstring", "secretbinary", "security-token", "secret_key", "sessiontoken")


class _Mask(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.DEBUG and _tells(record):
            record.msg = "(masked: this line could hold a secret or a session token)"
            record.args = ()
            record.exc_info = record.exc_text = None
        return True


_mask = _Mask("core_backend")


def mask_sdk_logs() -> None:
    """Put the filter on every logger the SDK has made so far. Doing so again changes nothing."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith(_PREFIXES)]
    for name in {*names, *_ON_THE_WIRE}:
        logging.getLogger(name).addFilter(_mask)


def _tells(record: logging.LogRecord) -> bool:
    if record.name in _ON_THE_WIRE:
        return True
    try:
        text = record.getMessage().lower()
    except Exception:  # noqa: BLE001  # a line that cannot be made cannot be judged either
        return True
    return any(word in text for word in _TELLTALES)
