"""What is logged at DEBUG: row 30, under the runtime client with each of its ways to log."""

from __future__ import annotations

import json

import pytest
from support.faults import error, reset, throttled

VALUE = "pl4nted-in-no-log"
SECRETIVE = (
    "pl4nted",  # each value, session token and secret key
    "Authorization",
    "AWS4-HMAC",
    "Signature=",
)
LOGGING = {
    "the root logger": {},
    "Lambda's setting": {"AWS_LAMBDA_LOG_LEVEL": "DEBUG"},
    "JSON": {"AWS_LAMBDA_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_FORMAT": "JSON"},
}


@pytest.fixture(params=LOGGING.values(), ids=LOGGING.keys())
def function(request, deployed, service):
    service.put("db", VALUE)
    service.put("login", json.dumps({"user": "me", "password": VALUE}))
    service.put("key", VALUE.encode())
    patience = {f"CORE_BACKEND_{name}TIMEOUT": "30" for name in ("", "CONNECT_", "READ_")}
    env = {"DETCEPXE": VALUE[::-1], "CORE_BACKEND_TTL": "0", **patience}
    return deployed("talker.handler", env={**env, **request.param})


def assert_discreet(function, source):
    lines = function.log_lines
    for word in SECRETIVE:
        # Not the lines themselves: what shows them is a log, too.
        assert not [number for number, line in enumerate(lines) if word in line], word
    # Or there would be nothing to prove.
    assert [line for line in lines if "asked for" in line]
    if source == "sdk":
        assert [line for line in lines if "masked: this line could hold" in line]


def test_row_30_no_line_holds_a_value_a_token_or_a_signature(function, service, source):
    for _ in range(2):
        assert function.invoke({"read": ["db", "login", "key"]}).payload == {"right": True}
    assert_discreet(function, source)
    assert len(service.calls) == 6
    assert all(call.has_token for call in service.calls)


def test_row_30_nor_does_any_where_things_go_wrong(function, service, source):
    refusal = error(
        "ExpiredTokenException", "The security token included in the request is expired"
    )
    service.script(refusal, None, throttled, reset)
    assert function.invoke({"read": ["db"]}).payload == {"right": True}
    assert function.invoke({"read": ["db"]}).payload == {"right": True}
    failed = function.invoke({"read": ["db", "absent"], "raise": True})
    assert failed.error.type == "ValueError"
    assert "pl4nted" not in str(failed.error)
    assert [line for line in function.log_lines if "SecretNotFoundError" in line]
    assert_discreet(function, source)
    assert len(service.calls) == 7


def test_row_30_nor_are_credentials_that_an_endpoint_hands_out(
    deployed, service, source, credentials_server
):
    service.put("db", VALUE)
    env = {"DETCEPXE": VALUE[::-1], **LOGGING["the root logger"], **credentials_server.env}
    function = deployed("talker.handler", env=env)
    assert function.invoke({"read": ["db"]}).payload == {"right": True}
    assert_discreet(function, source)
    assert len(service.calls) == len(credentials_server.requests) == 1
