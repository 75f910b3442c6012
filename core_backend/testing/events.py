"""The two events that most handlers are tested with, as API Gateway and SQS send them.

Sources: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs" (payload
format 2.0); Lambda developer guide, "Using Lambda with Amazon SQS".
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["http_api_event", "sqs_event"]

_ACCOUNT = "123456789012"
_API_HOST = "api-id.execute-api.{region}.amazonaws.com"


def http_api_event(  # noqa: PLR0913  # a request has this many parts
    method: str = "GET",
    path: str = "/",
    *,
    body: Any = None,
    headers: Mapping[str, str | Sequence[str]] | None = None,
    query: Mapping[str, str | Sequence[str]] | None = None,
    cookies: Sequence[str] = (),
    route: str = "$default",
    path_parameters: Mapping[str, str] | None = None,
    stage: str = "$default",
    stage_variables: Mapping[str, str] | None = None,
    authorizer: Mapping[str, Any] | None = None,
    region: str = "us-east-1",
) -> dict[str, Any]:
    """Return the event of one request to an HTTP API, in payload format 2.0.

    Args:
        method: The HTTP method.
        path: The path, without the stage.
        body: ``str`` is sent as it is, ``bytes`` in base64, anything else as JSON.
        headers: The request's headers. Several values of one name are joined by commas.
        query: The query string's parameters, not encoded.
        cookies: Each as ``name=value``.
        route: The route's key, such as ``"GET /charges/{id}"``.
        path_parameters: The values of the route's variables.
        stage: The stage's name, which is a part of the path unless it is ``$default``.
        stage_variables: The stage's variables.
        authorizer: The result of the authorizer, such as ``{"jwt": {"claims": {...}}}``.
        region: The API's Region.

    Raises:
        TypeError: A header, a parameter, a cookie or a variable is not text.
    """
    parameters = {key: _texts(f"query[{key!r}]", value) for key, value in (query or {}).items()}
    host = _API_HOST.format(region=region)
    sent = {"host": host, "user-agent": "test", "x-forwarded-for": "192.0.2.1"}
    if body is not None and not isinstance(body, (str, bytes)):
        sent["content-type"] = "application/json"
    for key, value in (headers or {}).items():
        sent[key.lower()] = ",".join(_texts(f"headers[{key!r}]", value))
    raw_path = path if stage == "$default" else f"/{stage}{path}"
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": raw_path,
        "rawQueryString": urlencode(parameters, doseq=True),
        "headers": sent,
        "requestContext": {
            "accountId": _ACCOUNT,
            "apiId": host.partition(".")[0],
            "domainName": sent["host"],
            "domainPrefix": sent["host"].partition(".")[0],
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": sent["user-agent"],
            },
            "requestId": uuid.uuid4().hex,
            "routeKey": route,
            "stage": stage,
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": isinstance(body, bytes),
    }
    if authorizer is not None:
        event["requestContext"]["authorizer"] = dict(authorizer)
    # API Gateway leaves out the parts that a request does not have.
    optional = {
        "cookies": _list("cookies", cookies, "a list of 'name=value'"),
        "queryStringParameters": {key: ",".join(texts) for key, texts in parameters.items()},
        "pathParameters": _check_texts("path_parameters", path_parameters or {}),
        "stageVariables": _check_texts("stage_variables", stage_variables or {}),
        "body": _text(body),
    }
    return event | {name: value for name, value in optional.items() if value}


def sqs_event(
    *bodies: Any,
    queue: str = "queue",
    attributes: Mapping[str, str | float | bytes] | None = None,
    group_id: str = "group",
    receive_count: int = 1,
    region: str = "us-east-1",
) -> dict[str, Any]:
    """Return the event of a batch of messages, one for each body.

    Args:
        *bodies: The body of each message: ``str`` is sent as it is, anything else as JSON.
        queue: The queue's name. Messages of one that ends in ``.fifo`` have groups and numbers.
        attributes: The message attributes of each message: text, numbers or bytes.
        group_id: The group of each message in a FIFO queue.
        receive_count: How often each message was received, this time included.
        region: The queue's Region.

    Raises:
        TypeError: An attribute is neither text nor a number nor bytes.
    """
    now = int(time.time() * 1000)
    records: list[dict[str, Any]] = []
    for number, body in enumerate(bodies):
        text = _text(body)
        system = {
            "ApproximateReceiveCount": str(receive_count),
            "SentTimestamp": str(now - 10),
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": str(now),
        }
        if queue.endswith(".fifo"):
            system["SequenceNumber"] = str(10**19 + number)
            system["MessageGroupId"] = group_id
            system["MessageDeduplicationId"] = hashlib.sha256(text.encode()).hexdigest()
        records.append(
            {
                "messageId": str(uuid.uuid4()),
                "receiptHandle": base64.b64encode(uuid.uuid4().bytes).decode(),
                "body": text,
                "attributes": system,
                "messageAttributes": {
                    name: _attribute(name, value) for name, value in (attributes or {}).items()
                },
                # As SQS sends it: a checksum, which protects nothing.
                "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{region}:{_ACCOUNT}:{queue}",
                "awsRegion": region,
            }
        )
    return {"Records": records}


def _texts(argument: str, value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else _list(argument, value, "a str or a list of str")


def _list(argument: str, value: object, takes: str) -> list[str]:
    # Refused: each character, or byte, would be an entry.
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise _type_error(argument, value, takes)
    entries: list[Any] = list(cast("Iterable[object]", value))
    for entry in entries:
        if not isinstance(entry, str):
            raise _type_error(f"an entry of {argument}", entry, "a str")
    return entries


def _check_texts(argument: str, values: Mapping[str, object]) -> dict[str, object]:
    for name, value in values.items():
        if not isinstance(value, str):
            raise _type_error(f"{argument}[{name!r}]", value, "a str")
    return dict(values)


def _type_error(argument: str, value: object, takes: str) -> TypeError:
    return TypeError(f"{argument} is of type {type(value).__name__}; it takes {takes}")


def _text(body: Any) -> str:
    if body is None:
        return ""
    if isinstance(body, bytes):
        return base64.b64encode(body).decode()
    return body if isinstance(body, str) else json.dumps(body)


def _attribute(name: str, value: object) -> dict[str, Any]:
    lists: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    if isinstance(value, bytes):
        return lists | {"binaryValue": base64.b64encode(value).decode(), "dataType": "Binary"}
    # bool is a kind of int.
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise _type_error(f"attributes[{name!r}]", value, "a str, a number or bytes")
    kind = "String" if isinstance(value, str) else "Number"
    return lists | {"stringValue": str(value), "dataType": kind}
