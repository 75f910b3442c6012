"""What an answer of Secrets Manager holds: one value, a page of values, or a failure."""

from __future__ import annotations

import binascii
import json
from typing import TYPE_CHECKING, Any

from core_backend.errors import SecretUnavailableError
from core_backend.sources import SecretValue, has_valid_size, is_answer_to
from core_backend.sources.http.messages import Mistaken
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_backend.errors import CoreBackendError
    from core_backend.sources import BatchPage, SecretRequest
    from core_backend.sources.http.messages import Response

__all__ = ["read_page", "read_value"]

_OK = 200
_MAX_CODE = 80


def read_value(request: SecretRequest, response: Response) -> SecretValue:
    """Return the value in the answer to GetSecretValue.

    Raises:
        CoreBackendError: The answer is a failure, or cannot be read.
        Mistaken: The answer is about another secret or version.
    """
    answer = _parse_object(response.body)
    if response.status != _OK:
        raise _failure(request, response, answer)
    value = _value_in(answer)
    if value is None:
        raise _unreadable(request, "a body that is no secret")
    if not is_answer_to(request, answer):
        raise Mistaken("the answer is about another secret or version")
    return value


def read_page(request: SecretRequest, response: Response) -> BatchPage:
    """Return the values in the answer to BatchGetSecretValue.

    Raises:
        CoreBackendError: The answer is a failure. It is reported for ``request``.
    """
    # Imported here, because batches are off by default.
    from core_backend.sources.batching import page_of  # noqa: PLC0415

    answer = _parse_object(response.body)
    if response.status != _OK:
        raise _failure(request, response, answer)
    return page_of(answer, _value_in)


def _failure(
    request: SecretRequest, response: Response, answer: Mapping[str, Any]
) -> CoreBackendError:
    # Imported here, because only a failure needs it.
    from core_backend.sources.failures import failure_of  # noqa: PLC0415

    code = _code(answer, response.headers)
    if not code:
        return _unreadable(request, f"HTTP {response.status} without an error code")
    return failure_of(request, code, _text(answer, "message", "Message"), status=response.status)


def _unreadable(request: SecretRequest, what: str) -> SecretUnavailableError:
    return SecretUnavailableError(
        f"secret {request.label!r}: the service answered with {what}. Try again later. If it "
        f"goes on, find out what stands between the function and the service",
        secret_id=request.label,
    )


def _parse_object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object in ``body``; an empty one if there is none."""
    answer: dict[str, Any] | None  # as far as it matters
    try:
        answer = json.loads(body.decode())
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _value_in(answer: Mapping[str, Any]) -> SecretValue | None:
    version, text, binary = map(answer.get, ("VersionId", "SecretString", "SecretBinary"))
    if not isinstance(version, str) or not version:
        return None
    data: SecretText | SecretBytes | None = None
    if isinstance(text, str) and binary is None:
        data = SecretText(text)
    elif isinstance(binary, str) and text is None:
        data = _decode(binary)
    return SecretValue(data, version) if data is not None and has_valid_size(data) else None


def _decode(text: str) -> SecretBytes | None:
    try:
        return SecretBytes(binascii.a2b_base64(text, strict_mode=True))
    except ValueError:
        return None


def _code(answer: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Return the error code without its namespace and address; empty if there is none.

    Source: Smithy, AWS JSON 1.1 protocol, "Operation error serialization".
    """
    told = _text(answer, "__type", "code") or headers.get("x-amzn-errortype", "")
    code = told.rpartition("#")[2].partition(":")[0]
    # It goes into messages, so it has to look like a code.
    return code if code.isascii() and code.isalnum() and len(code) <= _MAX_CODE else ""


def _text(answer: Mapping[str, Any], *names: str) -> str:
    found = (answer.get(name) for name in names)
    return next((text for text in found if isinstance(text, str)), "")
