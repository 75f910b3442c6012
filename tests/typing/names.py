"""What type checkers make of names. Never executed: mypy and pyright have to accept it."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from core_backend.names import SecretName

assert_type(SecretName("api-key"), SecretName[str])
assert_type(SecretName("api-key", stage="AWSPREVIOUS", version_id=None), SecretName[str])
assert_type(SecretName("api-key", parse=None), SecretName[str])
assert_type(SecretName("limit", parse=Decimal), SecretName[Decimal])
assert_type(SecretName("limit", parse=Decimal).staged("AWSPENDING"), SecretName[Decimal])
assert_type(SecretName("limit", parse=Decimal).versioned("0" * 32), SecretName[Decimal])
