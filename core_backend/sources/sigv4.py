"""AWS Signature Version 4 for the two requests this package makes.

Source: IAM user guide, "Create a signed AWS API request". The two primitives come straight from
OpenSSL's module, which ``ssl`` has brought along; ``hashlib`` and ``hmac`` would wrap the same and
cost a cold start a further millisecond.
"""

from __future__ import annotations

import json
import time
from _hashlib import hmac_digest, openssl_sha256
from typing import TYPE_CHECKING

from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_backend.sources.credentials import Credentials

__all__ = ["request_body", "signed_headers"]

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "secretsmanager"
_CONTENT_TYPE = "application/x-amz-json-1.1"


def request_body(parameters: Mapping[str, object]) -> bytes:
    """Return the body of a request, as the SDKs write it."""
    return json.dumps(parameters).encode()


def signed_headers(  # noqa: PLR0913  # what is signed has many parts
    credentials: Credentials, *, operation: str, now: float, host: str, region: str, body: bytes
) -> dict[str, str]:
    """Return the headers of one request, signature included.

    Args:
        credentials: Whose signature it is.
        operation: What is asked for, such as ``GetSecretValue``.
        now: Seconds since the epoch; the service takes at most 5 minutes' difference to its own.
        host: What the Host header says, with the port where it is not the scheme's own.
        region: The Region whose key signs.
        body: What is sent.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    # In the order of their names, as the signature wants them.
    headers = {"content-type": _CONTENT_TYPE, "host": host, "x-amz-date": moment}
    if credentials.session_token is not None:
        headers["x-amz-security-token"] = credentials.session_token
    headers["x-amz-target"] = f"{_SERVICE}.{operation}"
    names = ";".join(headers)
    scope = f"{moment[:8]}/{region}/{_SERVICE}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{_canonical_hash(headers, names, body)}"
    signature = hmac_digest(
        _signing_key(credentials.secret_access_key, moment[:8], region), to_sign.encode(), "sha256"
    ).hex()
    headers["authorization"] = SecretText(
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers


def _canonical_hash(headers: dict[str, str], names: str, body: bytes) -> str:
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    digest = openssl_sha256(body).hexdigest()
    return openssl_sha256(f"POST\n/\n\n{lines}\n{names}\n{digest}".encode()).hexdigest()


def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = hmac_digest(f"AWS4{secret}".encode(), day.encode(), "sha256")
    for part in (region, _SERVICE, "aws4_request"):
        key = hmac_digest(key, part.encode(), "sha256")
    return key
