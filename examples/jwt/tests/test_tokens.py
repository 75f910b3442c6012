import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tokens import SIGNING_KEY, handler


def new_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode(), key.public_key()


async def test_a_token_names_the_version_of_the_key_that_signed_it(
    fake_secrets, lambda_context, fake_clock
):
    old, old_public = new_key()
    fake_secrets[SIGNING_KEY] = old
    first = (await handler({"user": "anna"}, lambda_context))["token"]

    new, new_public = new_key()
    fake_secrets.rotate(SIGNING_KEY, new)
    fake_clock.advance(600)
    second = (await handler({"user": "anna"}, lambda_context))["token"]

    assert jwt.decode(first, old_public, algorithms=["RS256"])["sub"] == "anna"
    assert jwt.decode(second, new_public, algorithms=["RS256"])["sub"] == "anna"
    ids = {jwt.get_unverified_header(token)["kid"] for token in (first, second)}
    assert len(ids) == 2
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(first, new_public, algorithms=["RS256"])
