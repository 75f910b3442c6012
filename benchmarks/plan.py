"""Which libraries are measured, and how thoroughly."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from service import Service

__all__ = ["LIBRARIES", "OURS", "PRICE", "SDK_V4", "Library", "Plan", "find_libraries"]


class Library(NamedTuple):
    """One way to read secrets in a Lambda function."""

    key: str
    """Its name on the command line, in the results, in clients/ and in functions/."""
    label: str
    """Its name in tables and plots."""
    package: str
    """The module that can be found where the library is installed."""
    caches: bool = True


OURS = Library("core_backend", "core_backend", "core_backend")
LIBRARIES = (
    OURS,
    Library("boto3", "boto3, one by one", "boto3", caches=False),
    Library("aiobotocore", "aiobotocore, gathered", "aiobotocore", caches=False),
    Library("powertools", "Powertools parameters", "aws_lambda_powertools"),
    Library("caching", "aws-secretsmanager-caching", "aws_secretsmanager_caching"),
)
SDK_V4 = "sdk_v4"
"""The key of the AWS SDK for Python v4, which ``shape`` alone measures, in its own environment."""
PRICE = 0.0000166667
"""Lambda's price in dollars per GB-second: x86, US East (N. Virginia), the first tier.

Source: https://aws.amazon.com/lambda/pricing/
"""


def find_libraries(wanted: frozenset[str] = frozenset()) -> tuple[Library, ...]:
    """Return the installed libraries among ``wanted``, or all installed ones if it is empty."""
    return tuple(
        library
        for library in LIBRARIES
        if (not wanted or library.key in wanted) and find_spec(library.package)
    )


class Plan(NamedTuple):
    """What one run of the benchmarks measures."""

    libraries: tuple[Library, ...]
    service: Service
    rounds: int | None
    """How many rounds; each benchmark has its own default."""
    quick: bool
    memory: tuple[int, ...] = ()
    """The memory sizes, in MB, to measure cold starts at; by default the benchmark's own."""
    price: float = PRICE
    """Lambda's price in dollars per GB-second."""
    measures_sdk_v4: bool = False
    """Whether ``shape`` measures the AWS SDK v4."""

    def count_rounds(self, usual: int, quick: int = 2) -> int:
        """Return how many rounds to run in a benchmark whose usual number is ``usual``."""
        return self.rounds or (quick if self.quick else usual)

    @property
    def warm_up(self) -> int:
        """How many uncounted rounds come first, to fill the disk's cache and write bytecode."""
        return 0 if self.quick else 1

    @property
    def caching(self) -> list[Library]:
        """The libraries that have a cache."""
        return [library for library in self.libraries if library.caches]

    def environ(self, library: Library) -> dict[str, str]:
        """Return the variables that lead a library to the service."""
        return self.service.own_environ if library is OURS else self.service.environ

    def has(self, *keys: str) -> bool:
        """Return whether all these libraries are measured."""
        return set(keys) <= {library.key for library in self.libraries}
