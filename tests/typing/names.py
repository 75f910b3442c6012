"""What type checkers make of names. Never executed: mypy and pyright have to accept it."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, assert_type

from core_backend import SecretId, SecretName, get_resource_name

TOKEN = SecretName("api-key")
LIMIT = SecretName("limit", parse=Decimal)


def as_port(text: str) -> int:
    """Parse with a function that has a type of its own."""
    return int(text)


assert_type(TOKEN, SecretName[str])
assert_type(SecretName("api-key", parse=None), SecretName[str])
assert_type(SecretName("api-key", stage="AWSPREVIOUS", version_id=None), SecretName[str])
assert_type(SecretName("api-key", env_key="API_KEY_ARN"), SecretName[str])
assert_type(SecretName("limit", env_key="LIMIT_ARN", parse=Decimal), SecretName[Decimal])
assert_type(LIMIT, SecretName[Decimal])
assert_type(SecretName("port", parse=as_port), SecretName[int])
assert_type(SecretName("db", parse=json.loads), SecretName[Any])
assert_type(
    SecretName("pair", parse=lambda text: text.partition(":")), SecretName[tuple[str, str, str]]
)

# Another stage or version of a name parses to the same type.
assert_type(TOKEN.staged("AWSPREVIOUS"), SecretName[str])
assert_type(LIMIT.staged("AWSPENDING").versioned("0a1b"), SecretName[Decimal])

# A name is a str, for those who want no more.
as_str: str = LIMIT
assert_type(LIMIT.env_key, str)
assert_type(LIMIT.text, str)
assert_type(get_resource_name(LIMIT, "prod"), str)

assert_type(SecretId("prod/api-key"), SecretId[str])
assert_type(SecretId.of("prod/limit", LIMIT), SecretId[Decimal])

# What must not pass: an ignore that is not needed fails both.
SecretName(3)  # type: ignore[call-overload]
SecretName("api-key", Decimal)  # type: ignore[call-overload]
SecretName("api-key", parse="json")  # type: ignore[call-overload]
SecretName("api-key", env_key=3)  # type: ignore[call-overload]
SecretId(3)  # type: ignore[call-overload]
wrong: SecretName[int] = LIMIT  # type: ignore[assignment]
