"""What an answer says: a value, or several, or which failure.

Errors are returned here, not raised: a traceback would hold this module's frames, and with them
the body. The caller raises them where no value is in reach.
"""

from __future__ import annotations

import binascii
import json
from typing import TYPE_CHECKING, Any

from core_backend.errors import SecretUnavailableError
from core_backend.sources.protocol import SecretValue
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_backend.errors import CoreBackendError
    from core_backend.sources.http.messages import Response
    from core_backend.sources.protocol import BatchPage, SecretRequest

__all__ = ["understand", "understand_page"]

_OK = 200
_MAX_CODE = 80
_LARGEST = 65_536
"""The most bytes a value has. Source: Secrets Manager user guide, quotas."""


def understand(request: SecretRequest, response: Response) -> SecretValue | CoreBackendError:
    """Return the value in ``response``, or the error that it stands for."""
    answer = _json_object(response.body)
    if response.status == _OK:
        return _value(answer) or _unreadable(request, "a body that is no secret")
    return _failure(request, response, answer)


def understand_page(request: SecretRequest, response: Response) -> BatchPage | CoreBackendError:
    """Return the values in ``response``, or the error, as ``request``'s, that it stands for."""
    # Only with batches, which are off by default.
    from core_backend.sources.batching import page_of  # noqa: PLC0415

    answer = _json_object(response.body)
    return (
        page_of(answer, _value) if response.status == _OK else _failure(request, response, answer)
    )


def _failure(
    request: SecretRequest, response: Response, answer: Mapping[str, Any]
) -> CoreBackendError:
    # Only a failure pays for the import.
    from core_backend.sources.failures import failure_of  # noqa: PLC0415

    code = _code(answer, response.headers)
    if not code:
        return _unreadable(request, f"HTTP {response.status} without an error code")
    return failure_of(request, code, _text(answer, "message", "Message"), status=response.status)


def _unreadable(request: SecretRequest, what: str) -> SecretUnavailableError:
    return SecretUnavailableError(
        f"secret {request.label!r}: the service answered with {what}; try again later, and if it "
        f"stays so, see what stands between the function and the service",
        secret_id=request.label,
    )


def _json_object(body: bytes) -> Mapping[str, Any]:
    answer: dict[str, Any] | None  # as far as it matters
    try:
        answer = json.loads(body.decode())
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _value(answer: Mapping[str, Any]) -> SecretValue | None:
    version, text, binary = map(answer.get, ("VersionId", "SecretString", "SecretBinary"))
    if not isinstance(version, str) or not version:
        return None
    data: SecretText | SecretBytes | None = None
    if isinstance(text, str) and binary is None:
        data = _checked_text(text)
    elif isinstance(binary, str) and text is None:
        data = _from_base64(binary)
    return None if data is None else SecretValue(data, version)


def _checked_text(text: str) -> SecretText | None:
    try:
        # A lone surrogate, which an escape can stand for, could never be written anywhere.
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        return None
    return SecretText(text) if 0 < size <= _LARGEST else None


def _from_base64(text: str) -> SecretBytes | None:
    try:
        data = SecretBytes(binascii.a2b_base64(text, strict_mode=True))
    except ValueError:
        return None
    return data if 0 < len(data) <= _LARGEST else None


def _code(answer: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Return the error code without namespace and address, or nothing where there is none.

    Source: Smithy, AWS JSON 1.1 protocol, "Operation error serialization".
    """
    told = _text(answer, "__type", "code") or headers.get("x-amzn-errortype", "")
    code = told.rpartition("#")[2].partition(":")[0]
    # It goes into messages, so it has to look like a code.
    return code if code.isascii() and code.isalnum() and len(code) <= _MAX_CODE else ""


def _text(answer: Mapping[str, Any], *names: str) -> str:
    found = (answer.get(name) for name in names)
    return next((text for text in found if isinstance(text, str)), "")
