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
from core_backend.sources import SecretRequest, SecretValue
from core_backend.sources.answers import read_value
from core_backend.sources.http.messages import Mistaken, Response
from core_backend.values import SecretBytes, SecretText

REQUEST = SecretRequest("db")
MARK = "pl4nted-body"


def read(body, status=200, request=REQUEST, **headers):
    """Return the value that is read, or the error that is raised."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        return read_value(request, Response(status, headers, SecretBytes(data), keep_alive=True))
    except (CoreBackendError, Mistaken) as error:
        return error


def assert_unavailable(outcome):
    assert type(outcome) is SecretUnavailableError
    assert outcome.secret_id == "db"
    assert MARK not in str(outcome)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.booleans())
def test_text_is_what_was_stored(text, ascii_only):
    body = json.dumps({"VersionId": "v", "SecretString": text}, ensure_ascii=ascii_only).encode()
    found = read(body)
    assert type(found.value) is SecretText
    assert (found.value, found.version_id) == (text, "v")


@given(st.binary(min_size=1))
def test_bytes_are_what_was_stored(data):
    found = read(
        {"VersionId": "v", "SecretBinary": base64.b64encode(data).decode(), "SecretString": None}
    )
    assert type(found.value) is SecretBytes
    assert (found.value, found.version_id) == (data, "v")


def test_a_value_may_have_as_many_bytes_as_the_service_takes():
    assert len(read({"VersionId": "v", "SecretString": "a" * 65_536}).value) == 65_536
    assert len(read({"VersionId": "v", "SecretString": "\u00fc" * 32_768}).value) == 32_768
    whole = base64.b64encode(b"a" * 65_536).decode()
    assert len(read({"VersionId": "v", "SecretBinary": whole}).value) == 65_536


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just(MARK),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["VersionId", "SecretString", "SecretBinary", "Name", "VersionStages", "__type"]
        ),
        JSON,
    )
    | JSON,
    st.sampled_from([200, 400, 403, 429, 500]),
)
def test_any_json_gives_a_value_or_an_error_without_it(answer, status):
    outcome = read(answer, status)
    assert isinstance(outcome, (SecretValue, CoreBackendError, Mistaken))
    if isinstance(outcome, SecretValue):
        assert status == 200
        assert answer["VersionId"] == outcome.version_id
        assert answer.get("Name") in (None, "db")
    elif MARK not in str(answer.get("__type") if isinstance(answer, dict) else ""):
        assert MARK not in str(outcome)


@given(st.binary(), st.sampled_from([200, 400, 500]))
def test_any_other_bytes_give_a_failure_that_may_pass(data, status):
    assert_unavailable(read(data + b"!", status))


WHOLE = json.dumps({"VersionId": "v", "SecretString": MARK}).encode()


@given(st.integers(0, len(WHOLE) - 1))
def test_what_is_cut_off_is_unreadable(length):
    assert_unavailable(read(WHOLE[:length]))


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
    assert_unavailable(read(body))


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
    outcome = read(body, 400, **headers)
    assert type(outcome) is SecretThrottledError
    assert outcome.code == "ThrottlingException"
    assert MARK not in str(outcome)


@pytest.mark.parametrize("name", ["message", "Message"])
def test_the_message_decides_where_the_code_does_not(name):
    missing = {"__type": "ResourceNotFoundException", name: "value for staging label: AWSCURRENT"}
    assert type(read(missing, 400)) is SecretNotSetError


def test_an_unknown_code_is_the_requests_fault_and_none_is_nobodys():
    assert type(read({"__type": "ValidationException"}, 400)) is ConfigurationError
    assert_unavailable(read({"message": MARK}, 400))
    assert_unavailable(read({"__type": f"no code: {MARK}"}, 400))
    assert_unavailable(read({"__type": f"{MARK * 20}"}, 403))
    assert "HTTP 302" in str(read(b"", 302))


ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf"
ANSWER = {
    "ARN": ARN,
    "Name": "db",
    "VersionId": "v",
    "VersionStages": ["AWSCURRENT", "blue"],
    "SecretString": MARK,
}
MATCHING = [
    SecretRequest("db"),
    SecretRequest(ARN),
    SecretRequest(ARN[:-7]),
    SecretRequest("db", stage="blue"),
    SecretRequest("db", version_id="v"),
    SecretRequest("db", stage="green", version_id="v"),
]
OTHERS = [
    SecretRequest("d"),
    SecretRequest("DB"),
    SecretRequest(ARN.replace("123456789012", "210987654321")),
    SecretRequest(ARN[:-1]),
    SecretRequest(ARN[:-8]),
    SecretRequest("db", stage="AWSPREVIOUS"),
    SecretRequest("db", version_id="w"),
    SecretRequest("other", version_id="v"),
]


@pytest.mark.parametrize("request_", MATCHING, ids=repr)
def test_the_secret_and_version_that_were_asked_for_are_accepted(request_):
    assert read(ANSWER, request=request_).value == MARK
    # A stand-in for the service may say less.
    assert read({"VersionId": "v", "SecretString": MARK}, request=request_).value == MARK


@pytest.mark.parametrize("request_", OTHERS, ids=repr)
def test_the_answer_about_another_secret_or_version_is_not_accepted(request_):
    outcome = read(ANSWER, request=request_)
    assert type(outcome) is Mistaken
    assert MARK not in str(outcome)
