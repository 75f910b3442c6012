"""What type checkers make of get_env. Never executed: mypy and pyright have to accept it."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from core_backend import SecretId, SecretName, get_env

LIMIT = SecretName("limit", parse=Decimal)

assert_type(get_env("LOG_LEVEL"), str)
assert_type(get_env("LOG_LEVEL", "INFO"), str)
assert_type(get_env("LOG_LEVEL", default="INFO"), str)
assert_type(get_env("LOG_LEVEL", None), str | None)
assert_type(get_env("LOG_LEVEL", 3), str | int)

assert_type(get_env(LIMIT), SecretId[Decimal])
assert_type(get_env(SecretName("api-key")), SecretId[str])
assert_type(get_env(LIMIT, "dev/limit"), SecretId[Decimal])
assert_type(get_env(LIMIT, None), SecretId[Decimal] | None)
assert_type(get_env(LIMIT, default=3), SecretId[Decimal] | int)

get_env(3)  # type: ignore[call-overload]
get_env()  # type: ignore[call-overload]
