"""What an answer means: fuzzed, since what answers need not be the service."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_backend.errors import (
    ConfigurationError,
    CoreBackendError,
    SecretNotSetError,
    SecretThrottledError,
    SecretUnavailableError,
)
from core_backend.sources.answers import understand
from core_backend.sources.http.messages import Response
from core_backend.sources.protocol import SecretRequest, SecretValue
from core_backend.values import SecretBytes, SecretText

REQUEST = SecretRequest("db")
MARK = "pl4nted-body"


def understood(body, status=200, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return understand(REQUEST, Response(status, headers, SecretBytes(data), keep_alive=True))


def assert_unavailable(outcome):
    assert type(outcome) is SecretUnavailableError
    assert outcome.secret_id == "db"
    assert MARK not in str(outcome)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.booleans())
def test_text_is_what_was_stored(text, ascii_only):
    body = json.dumps({"VersionId": "v", "SecretString": text}, ensure_ascii=ascii_only).encode()
    found = understood(body)
    assert type(found.value) is SecretText
    assert (found.value, found.version_id) == (text, "v")


@given(st.binary(min_size=1))
def test_bytes_are_what_was_stored(data):
    found = understood(
        {"VersionId": "v", "SecretBinary": base64.b64encode(data).decode(), "SecretString": None}
    )
    assert type(found.value) is SecretBytes
    assert (found.value, found.version_id) == (data, "v")


def test_a_value_may_have_as_many_bytes_as_the_service_takes():
    assert len(understood({"VersionId": "v", "SecretString": "a" * 65_536}).value) == 65_536
    assert len(understood({"VersionId": "v", "SecretString": "\u00fc" * 32_768}).value) == 32_768
    whole = base64.b64encode(b"a" * 65_536).decode()
    assert len(understood({"VersionId": "v", "SecretBinary": whole}).value) == 65_536


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just(MARK),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(
    st.dictionaries(
        st.sampled_from(["VersionId", "SecretString", "SecretBinary", "__type", "message", "code"]),
        JSON,
    )
    | JSON,
    st.sampled_from([200, 400, 403, 429, 500]),
)
def test_whatever_json_comes_it_is_a_value_or_an_error_without_it(answer, status):
    outcome = understood(answer, status)
    assert isinstance(outcome, (SecretValue, CoreBackendError))
    if isinstance(outcome, SecretValue):
        assert status == 200
        assert answer["VersionId"] == outcome.version_id
    elif MARK not in str(answer.get("code") if isinstance(answer, dict) else ""):
        assert MARK not in str(outcome)


@given(st.binary(), st.sampled_from([200, 400, 500]))
def test_whatever_bytes_come_it_is_a_failure_that_may_pass(data, status):
    assert_unavailable(understood(data + b"!", status))


WHOLE = json.dumps({"VersionId": "v", "SecretString": MARK}).encode()


@given(st.integers(0, len(WHOLE) - 1))
def test_what_is_cut_off_is_unreadable(length):
    assert_unavailable(understood(WHOLE[:length]))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"VersionId":"v","SecretString":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        json.dumps(MARK).encode(),
        json.dumps([WHOLE.decode()]).encode(),
        WHOLE.decode().encode("utf-16"),
        {},
        {"VersionId": "v"},
        {"SecretString": MARK},
        {"VersionId": "", "SecretString": MARK},
        {"VersionId": 1, "SecretString": MARK},
        {"VersionId": "v", "SecretString": 1},
        {"VersionId": "v", "SecretString": ""},
        {"VersionId": "v", "SecretBinary": ""},
        {"VersionId": "v", "SecretString": [MARK]},
        {"VersionId": "v", "SecretString": {MARK: MARK}},
        {"VersionId": "v", "SecretString": MARK + "\ud800"},
        {"VersionId": "v", "SecretBinary": MARK},
        {"VersionId": "v", "SecretBinary": "YQ==YQ=="},
        {"VersionId": "v", "SecretBinary": "YQ==\n"},
        {"VersionId": "v", "SecretBinary": "ü"},
        {"VersionId": "v", "SecretBinary": "YQ==", "SecretString": MARK},
        b'{"VersionId":"v","SecretString":' + b"1" * 10_000 + b"}",
        {"VersionId": "v", "SecretString": "a" * 65_537},
        {"VersionId": "v", "SecretString": "\u00fc" * 32_769},
        {"VersionId": "v", "SecretBinary": base64.b64encode(b"a" * 65_537).decode()},
    ],
)
def test_what_is_no_secret_is_unreadable(body):
    assert_unavailable(understood(body))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"__type": "ThrottlingException"}, {}),
        ({"__type": "com.amazonaws.secretsmanager#ThrottlingException", "message": MARK}, {}),
        ({"__type": "a#ThrottlingException:http://internal.amazon.com/"}, {}),
        ({"code": "ThrottlingException"}, {}),
        (b"", {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/"}),
        ({"__type": None}, {"x-amzn-errortype": "ThrottlingException"}),
    ],
)
def test_an_error_code_is_found_wherever_the_protocol_puts_it(body, headers):
    outcome = understood(body, 400, **headers)
    assert type(outcome) is SecretThrottledError
    assert outcome.code == "ThrottlingException"
    assert MARK not in str(outcome)


@pytest.mark.parametrize("name", ["message", "Message"])
def test_the_message_decides_where_the_code_does_not(name):
    missing = {"__type": "ResourceNotFoundException", name: "value for staging label: AWSCURRENT"}
    assert type(understood(missing, 400)) is SecretNotSetError


def test_an_unknown_code_is_the_requests_fault_and_none_is_nobodys():
    assert type(understood({"__type": "ValidationException"}, 400)) is ConfigurationError
    assert_unavailable(understood({"message": MARK}, 400))
    assert_unavailable(understood({"__type": f"no code: {MARK}"}, 400))
    assert_unavailable(understood({"__type": f"{MARK * 20}"}, 403))
    assert "HTTP 302" in str(understood(b"", 302))
