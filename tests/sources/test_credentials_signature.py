"""The signer, held against botocore's: byte for byte, whatever is signed."""

from __future__ import annotations

import runpy
import sys
from unittest import mock

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.signers import REQUESTS, SHOWN, TO_SIGN, assert_signed_alike

from core_backend.sources import SecretRequest
from core_backend.sources import credentials as signer
from core_backend.sources.credentials import Credentials, request_body, signed_headers


# A key longer than a block of SHA-256 is hashed first.
@example((("A", "pl4nted-" * 9, None), 0, "a", "eu-west-1", SecretRequest("db")))
@given(TO_SIGN)
def test_every_header_is_the_one_that_botocore_sends(to_sign):
    assert_signed_alike(*to_sign)


def capturing_client():
    """Return a client of the SDK that sends nothing, and what it would have sent."""
    client = boto3.client(
        "secretsmanager",
        region_name="eu-central-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="pl4nted-key-of-nobody",
        config=Config(parameter_validation=False),
    )
    sent = []

    def capture(request, **_):
        sent.append(request)
        return AWSResponse(request.url, 200, {}, mock.Mock(stream=lambda **_: iter([b"{}"])))

    client.meta.events.register("before-send.secrets-manager", capture)
    return client, sent


CLIENT, SENT = capturing_client()


@settings(max_examples=30)  # the SDK is slow, and logs each at length
@given(REQUESTS)
def test_the_request_is_the_one_that_the_sdk_sends(request):
    SENT.clear()
    CLIENT.get_secret_value(**request.parameters())
    [theirs] = SENT
    assert_same(theirs, "GetSecretValue", request_body(request.parameters()))


@settings(max_examples=10)
@given(st.lists(REQUESTS, min_size=1, max_size=20), st.none() | SHOWN)
def test_a_request_for_several_is_the_one_that_the_sdk_sends(requests, token):
    SENT.clear()
    parameters = {"SecretIdList": [request.secret_id for request in requests]}
    if token is not None:
        parameters["NextToken"] = token
    CLIENT.batch_get_secret_value(**parameters)
    [theirs] = SENT
    assert_same(theirs, "BatchGetSecretValue", request_body(parameters))


def assert_same(theirs, operation, body):
    assert body == theirs.body
    ours = signed_headers(
        Credentials("key", "pl4nted-secret", None),
        operation=operation,
        now=0,
        host="secretsmanager.eu-central-1.amazonaws.com",
        region="eu-central-1",
        body=body,
    )
    assert theirs.method == "POST"
    assert theirs.url == f"https://{ours['host']}/"
    for name in ("content-type", "x-amz-target"):
        assert ours[name] == theirs.headers[name].decode()


@pytest.mark.parametrize("missing", ["_hashlib", "_sha2"])
def test_either_module_for_digests_will_do(missing, monkeypatch):
    if missing == "_hashlib" and sys.version_info < (3, 12):
        pytest.skip("Python 3.11 has no other")
    monkeypatch.setitem(sys.modules, missing, None)
    other = runpy.run_path(signer.__file__)
    given = {"operation": "x", "now": 0, "host": "a", "region": "eu-west-1", "body": b""}
    credentials = Credentials("AKIDEXAMPLE", "pl4nted-secret-key", None)
    assert other["signed_headers"](credentials, **given) == signed_headers(credentials, **given)


def test_nothing_of_the_credentials_shows_in_a_repr():
    credentials = Credentials("AKIDEXAMPLE", "pl4nted-secret-key", "pl4nted-token")
    headers = signed_headers(
        credentials, operation="x", now=0, host="a", region="eu-west-1", body=b""
    )
    shown = f"{credentials!r}{credentials.secret_access_key!r}{headers!r}"
    assert "pl4nted" not in shown
    assert headers["authorization"].rpartition("=")[2] not in shown
