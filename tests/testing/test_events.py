"""Built events are what AWS publishes as samples of its own, and what others' parsers accept."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from core_backend.testing.events import http_api_event, sqs_event

# The shape of the sample in API Gateway's developer guide, "Payload format structure", 2.0;
# without the client certificate of mutual TLS. A name with a ? may be missing.
HTTP_API = {
    "version": str,
    "routeKey": str,
    "rawPath": str,
    "rawQueryString": str,
    "cookies?": [str],
    "headers": {"*": str},
    "queryStringParameters?": {"*": str},
    "requestContext": {
        "accountId": str,
        "apiId": str,
        "authorizer?": {"jwt": {"claims": {"*": str}, "scopes": [str]}},
        "domainName": str,
        "domainPrefix": str,
        "http": {"method": str, "path": str, "protocol": str, "sourceIp": str, "userAgent": str},
        "requestId": str,
        "routeKey": str,
        "stage": str,
        "time": str,
        "timeEpoch": int,
    },
    "body?": str,
    "pathParameters?": {"*": str},
    "isBase64Encoded": bool,
    "stageVariables?": {"*": str},
}
# The shape of the samples in Lambda's developer guide, "Example Amazon SQS message event".
SQS = {
    "Records": [
        {
            "messageId": str,
            "receiptHandle": str,
            "body": str,
            "attributes": {
                "ApproximateReceiveCount": str,
                "SentTimestamp": str,
                "SenderId": str,
                "ApproximateFirstReceiveTimestamp": str,
                "SequenceNumber?": str,
                "MessageGroupId?": str,
                "MessageDeduplicationId?": str,
            },
            "messageAttributes": {
                "*": {
                    "stringValue?": str,
                    "binaryValue?": str,
                    "stringListValues": [str],
                    "binaryListValues": [str],
                    "dataType": str,
                }
            },
            "md5OfBody": str,
            "eventSource": str,
            "eventSourceARN": str,
            "awsRegion": str,
        }
    ]
}


def assert_shaped(value: Any, shape: Any, *, whole: bool, where: str = "event") -> None:
    """Check names and types; ``whole`` wants the optional ones too."""
    if isinstance(shape, list):
        assert type(value) is list, where
        for entry in value:
            assert_shaped(entry, shape[0], whole=whole, where=f"{where}[]")
    elif isinstance(shape, dict):
        assert type(value) is dict, where
        wanted = {name.rstrip("?"): each for name, each in shape.items()}
        if "*" not in wanted:
            needed = {n.rstrip("?") for n in shape if whole or not n.endswith("?")}
            assert needed <= set(value) <= set(wanted), where
        for name, entry in value.items():
            each = wanted.get(name, wanted.get("*"))
            assert_shaped(entry, each, whole=whole, where=f"{where}.{name}")
    else:
        assert type(value) is shape, where


def test_a_request_with_everything_is_shaped_like_awss_sample():
    event = http_api_event(
        "POST",
        "/my/path",
        body="Hello from Lambda",
        headers={"Header1": "value1", "header2": ["value1", "value2"]},
        query={"parameter1": ["value1", "value2"], "parameter2": "value"},
        cookies=["cookie1", "cookie2"],
        path_parameters={"parameter1": "value1"},
        stage_variables={"stageVariable1": "value1"},
        authorizer={"jwt": {"claims": {"claim1": "value1"}, "scopes": ["scope1"]}},
    )
    assert_shaped(event, HTTP_API, whole=True)
    assert event["rawQueryString"] == "parameter1=value1&parameter1=value2&parameter2=value"
    assert event["queryStringParameters"] == {"parameter1": "value1,value2", "parameter2": "value"}
    assert event["headers"]["header1"] == "value1"
    assert event["headers"]["header2"] == "value1,value2"
    assert event["cookies"] == ["cookie1", "cookie2"]
    assert event["body"] == "Hello from Lambda"
    context = event["requestContext"]
    assert event["routeKey"] == context["routeKey"] == context["stage"] == "$default"
    assert event["rawPath"] == context["http"]["path"] == "/my/path"
    assert context["http"]["method"] == "POST"


def test_what_a_request_does_not_have_is_left_out():
    event = http_api_event()
    assert_shaped(event, HTTP_API, whole=False)
    assert {"cookies", "queryStringParameters", "pathParameters", "body"}.isdisjoint(event)
    assert event["rawPath"] == "/"
    assert event["rawQueryString"] == ""


def test_bytes_come_in_base64():
    event = http_api_event("POST", body=b"\xff\x00")
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\xff\x00"


def test_anything_else_comes_as_json():
    event = http_api_event("POST", body={"amount": 5})
    assert json.loads(event["body"]) == {"amount": 5}
    assert event["headers"]["content-type"] == "application/json"
    assert event["isBase64Encoded"] is False


def test_a_named_stage_is_a_part_of_the_path():
    event = http_api_event(path="/charges", stage="dev", route="GET /charges")
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/dev/charges"
    assert event["requestContext"]["stage"] == "dev"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "GET /charges"


def test_the_host_is_where_the_request_went():
    event = http_api_event(headers={"Host": "api.example.com"})
    assert event["requestContext"]["domainName"] == "api.example.com"
    assert event["requestContext"]["domainPrefix"] == "api"
    standard = http_api_event(region="eu-west-1")["requestContext"]
    assert standard["domainName"] == "api-id.execute-api.eu-west-1.amazonaws.com"
    assert standard["apiId"] == standard["domainPrefix"] == "api-id"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"query": {"n": 5}}, r"query\['n'\] is of type int; it takes a str or a list of str"),
        ({"query": {"n": ["1", 2]}}, r"an entry of query\['n'\] is of type int; it takes a str"),
        ({"query": {"n": b"1"}}, r"query\['n'\] is of type bytes; it takes a str or a list of str"),
        ({"headers": {"X": 5}}, r"headers\['X'\] is of type int; it takes a str or a list of"),
        ({"cookies": "a=b"}, "cookies is of type str; it takes a list of 'name=value'"),
        ({"path_parameters": {"id": 5}}, r"path_parameters\['id'\] is of type int; it takes a str"),
        ({"stage_variables": {"v": None}}, r"stage_variables\['v'\] is of type NoneType; it takes"),
    ],
)
def test_what_is_no_text_in_a_request_is_named(wrong, told):
    with pytest.raises(TypeError, match=told):
        http_api_event(**wrong)


@pytest.mark.parametrize("value", [True, None, ["a"]])
def test_what_is_no_attribute_of_a_message_is_named(value):
    kind = type(value).__name__
    told = rf"attributes\['t'\] is of type {kind}; it takes a str, a number or bytes"
    with pytest.raises(TypeError, match=told):
        sqs_event("one", attributes={"t": value})


def test_a_batch_is_shaped_like_awss_sample():
    event = sqs_event("Test message.", {"n": 2}, queue="my-queue", region="us-east-2")
    assert_shaped(event, SQS, whole=False)
    first, second = event["Records"]
    assert first["body"] == "Test message."
    # As in the sample.
    assert first["md5OfBody"] == "e4e68fb7bd0e697a0ae8f1bb342846b3"
    assert first["eventSourceARN"] == "arn:aws:sqs:us-east-2:123456789012:my-queue"
    assert first["awsRegion"] == "us-east-2"
    assert json.loads(second["body"]) == {"n": 2}
    assert first["messageId"] != second["messageId"]
    assert "SequenceNumber" not in first["attributes"]


def test_a_fifo_queue_keeps_groups_and_order():
    event = sqs_event("one", "two", queue="charges.fifo", group_id="customer-7")
    first, second = (record["attributes"] for record in event["Records"])
    assert first["MessageGroupId"] == "customer-7"
    assert first["SequenceNumber"] < second["SequenceNumber"]
    assert first["MessageDeduplicationId"] != second["MessageDeduplicationId"]
    assert_shaped(event, SQS, whole=False)


def test_message_attributes_have_their_types():
    attributes = {"text": "value", "number": 1.5, "bytes": b"\x00"}
    event = sqs_event("one", attributes=attributes, receive_count=3)
    assert_shaped(event, SQS, whole=False)
    (record,) = event["Records"]
    assert record["messageAttributes"]["text"]["stringValue"] == "value"
    assert record["messageAttributes"]["number"]["stringValue"] == "1.5"
    assert record["messageAttributes"]["bytes"]["binaryValue"] == "AA=="
    kinds = {name: each["dataType"] for name, each in record["messageAttributes"].items()}
    assert kinds == {"text": "String", "number": "Number", "bytes": "Binary"}
    assert record["attributes"]["ApproximateReceiveCount"] == "3"
