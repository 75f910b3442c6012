"""The signer, held against botocore's: byte for byte, whatever is signed."""

from __future__ import annotations

import datetime as dt
import runpy
import sys
from unittest import mock

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials as TheirCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core_backend.sources import SecretRequest
from core_backend.sources import credentials as signer
from core_backend.sources.credentials import Credentials, request_body, signed_headers

# What an access key or a token can consist of: all of ASCII that shows.
SHOWN = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)
ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
MOMENTS = st.floats(min_value=0, max_value=4_102_444_800)
REGIONS = st.from_regex(r"[a-z]{2}(-gov)?-[a-z]{3,9}-[1-9]", fullmatch=True)
HOSTS = st.from_regex(r"[a-z0-9.-]{1,60}(:[1-9][0-9]{1,4})?", fullmatch=True)
REQUESTS = st.builds(SecretRequest, ANY, st.just("AWSCURRENT") | ANY, st.none() | ANY)


def as_botocore_signs(credentials, moment, host, region, body):
    request = AWSRequest(
        method="POST",
        url=f"https://{host}/",
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "Host": host,
            "X-Amz-Target": "secretsmanager.GetSecretValue",
        },
        data=body,
    )
    now = dt.datetime.fromtimestamp(int(moment), dt.UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4Auth(TheirCredentials(*credentials), "secretsmanager", region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


# A key longer than a block of SHA-256 is hashed first.
@example(("A", "pl4nted-" * 9, None), 0, "a", "eu-west-1", SecretRequest("db"))
@given(st.tuples(SHOWN, ANY, st.none() | SHOWN), MOMENTS, HOSTS, REGIONS, REQUESTS)
def test_every_header_is_the_one_that_botocore_sends(credentials, moment, host, region, request):
    body = request_body(request.parameters())
    ours = signed_headers(
        Credentials(*credentials),
        operation="GetSecretValue",
        now=moment,
        host=host,
        region=region,
        body=body,
    )
    assert ours == as_botocore_signs(credentials, moment, host, region, body)


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
