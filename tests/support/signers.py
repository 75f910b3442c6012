"""Our signer and botocore's side by side, and made-up requests for both."""

from __future__ import annotations

import datetime as dt
from unittest import mock

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials
from hypothesis import strategies as st

from core_backend.sources import SecretRequest
from core_backend.sources.credentials import Credentials, request_body, signed_headers

__all__ = ["REQUESTS", "SHOWN", "TO_SIGN", "assert_signed_alike"]

# What an access key or a token can consist of: all of ASCII that shows.
SHOWN = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)
ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
MOMENTS = st.floats(min_value=0, max_value=4_102_444_800)
REGIONS = st.from_regex(r"[a-z]{2}(-gov)?-[a-z]{3,9}-[1-9]", fullmatch=True)
HOSTS = st.from_regex(r"[a-z0-9.-]{1,60}(:[1-9][0-9]{1,4})?", fullmatch=True)
REQUESTS = st.builds(SecretRequest, ANY, st.just("AWSCURRENT") | ANY, st.none() | ANY)
TO_SIGN = st.tuples(st.tuples(SHOWN, ANY, st.none() | SHOWN), MOMENTS, HOSTS, REGIONS, REQUESTS)
"""What the signer is given: credentials, time, host, Region and request."""


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


def assert_signed_alike(credentials, moment, host, region, request):
    """Sign a request with both, and compare every header."""
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
