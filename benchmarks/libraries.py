"""Who is measured: this package, and everybody who does the same."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

__all__ = ["LIBRARIES", "OURS", "Library", "installed"]


class Library(NamedTuple):
    """One way to read secrets in a Lambda function."""

    key: str
    """What it is called on the command line, in the results, and in functions/."""
    label: str
    """What it is called in tables and plots."""
    package: str
    """The module whose presence says that it is installed."""
    client: str
    """The module of clients/ that speaks for it."""
    caches: bool = True


OURS = Library("core_backend", "core_backend", "core_backend", "ours")
LIBRARIES = (
    OURS,
    Library("boto3", "boto3, one by one", "boto3", "one_by_one", caches=False),
    Library("aiobotocore", "aiobotocore, gathered", "aiobotocore", "gathered", caches=False),
    Library("powertools", "Powertools parameters", "aws_lambda_powertools", "powertools"),
    Library("caching", "aws-secretsmanager-caching", "aws_secretsmanager_caching", "caching"),
)


def installed(wanted: frozenset[str] = frozenset()) -> tuple[Library, ...]:
    """Return those of ``wanted`` that can be imported; of all, if nothing is wanted."""
    return tuple(
        library
        for library in LIBRARIES
        if (not wanted or library.key in wanted) and find_spec(library.package)
    )
