"""AWS Signature Version 4 for the two requests that this package makes.

Source: IAM user guide, "Create a signed AWS API request". SHA-256 comes from the module that Python
brings for it, and HMAC is written out: ``hashlib`` and ``hmac`` would load OpenSSL's digests, which
takes a cold start about a millisecond.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from hashlib import sha256

    from core_backend.sources.credentials import Credentials
else:
    try:
        from _sha2 import sha256
    except ImportError:  # Python 3.11, and builds that leave it out
        from _hashlib import openssl_sha256 as sha256

__all__ = ["request_body", "signed_headers"]

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "secretsmanager"
_CONTENT_TYPE = "application/x-amz-json-1.1"

# HMAC, source: RFC 2104.
_BLOCK = 64
_INNER = bytes(x ^ 0x36 for x in range(256))
_OUTER = bytes(x ^ 0x5C for x in range(256))


def request_body(parameters: Mapping[str, object]) -> bytes:
    """Return the body of a request, as the SDKs write it."""
    return json.dumps(parameters).encode()


def signed_headers(  # noqa: PLR0913  # what is signed has many parts
    credentials: Credentials, *, operation: str, now: float, host: str, region: str, body: bytes
) -> dict[str, str]:
    """Return the headers of one request, including the signature.

    Args:
        credentials: The credentials that sign.
        operation: The action, such as ``GetSecretValue``.
        now: Seconds since the epoch. The service's clock may differ by at most 5 minutes.
        host: The Host header, with the port unless it is the scheme's own.
        region: The Region to sign for.
        body: The body of the request.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    # The signature needs them in the order of their names.
    headers = {"content-type": _CONTENT_TYPE, "host": host, "x-amz-date": moment}
    if credentials.session_token is not None:
        headers["x-amz-security-token"] = credentials.session_token
    headers["x-amz-target"] = f"{_SERVICE}.{operation}"
    names = ";".join(headers)
    scope = f"{moment[:8]}/{region}/{_SERVICE}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{_canonical_hash(headers, names, body)}"
    key = _signing_key(credentials.secret_access_key, moment[:8], region)
    headers["authorization"] = SecretText(
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={_hmac(key, to_sign).hex()}"
    )
    return headers


def _canonical_hash(headers: dict[str, str], names: str, body: bytes) -> str:
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    digest = sha256(body).hexdigest()
    return sha256(f"POST\n/\n\n{lines}\n{names}\n{digest}".encode()).hexdigest()


def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, _SERVICE, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    inner = sha256(key.translate(_INNER) + text.encode()).digest()
    return sha256(key.translate(_OUTER) + inner).digest()
