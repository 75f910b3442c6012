"""JWTs signed with an RSA key that can rotate: the version of the secret is the id of the key."""

from __future__ import annotations

import time
from typing import Any

import jwt

from core_backend import SecretName, async_handler, get_secret

SIGNING_KEY = SecretName("jwt-signing-key")  # its value is a private key in PEM

LIFETIME = 900


@async_handler(prefetch=[SIGNING_KEY])
async def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Return a token for a user, who was authenticated before this is called."""
    key, version = await get_secret(SIGNING_KEY).with_version()
    claims = {"sub": event["user"], "exp": int(time.time()) + LIFETIME}
    # Who verifies finds the public key by this id: publish both, the old and the new one, for as
    # long as tokens that the old one signed are valid.
    return {"token": jwt.encode(claims, key, algorithm="RS256", headers={"kid": version})}
