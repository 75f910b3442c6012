"""Where values come from: what every source is asked and returns, and the protocol they follow.

``_engine/process`` chooses one of them for this process.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from core_backend.names import DEFAULT_STAGE, Key, cache_key
from core_backend.values import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    from core_backend.values import SecretBytes, SecretText


__all__ = [
    "ARN_SUFFIX",
    "NO_DESCRIPTOR",
    "BatchPage",
    "Key",
    "SecretRequest",
    "SecretValue",
    "has_valid_size",
    "is_answer_to",
]

ARN_SUFFIX = 7
"""Length of the hyphen and six characters at the end of an ARN, which a request may omit."""
NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
"""The system's error numbers for too many open files, which are not a mistake in the setup."""


class SecretRequest:
    """One secret at one stage or version.

    Attributes:
        key: The key that its value is cached under.
        fresh: Whether every cache is bypassed, including one that the source has.
    """

    __slots__ = ("fresh", "key", "secret_id", "stage", "version_id")

    def __init__(
        self,
        secret_id: str,
        stage: str = DEFAULT_STAGE,
        version_id: str | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        self.secret_id = secret_id
        self.stage = stage
        self.version_id = version_id
        self.fresh = fresh
        self.key = cache_key(secret_id, stage, version_id)

    def __eq__(self, other: object) -> bool:
        """Return whether both ask for the same secret, stage and version."""
        return isinstance(other, SecretRequest) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        """Return the id with stage and version, none of which is secret."""
        return f"<SecretRequest {self.label!r}>"

    @property
    def label(self) -> str:
        """The id as messages show it, with the version, or with an unusual stage."""
        if self.version_id is not None:
            return f"{self.secret_id} [{self.version_id}]"
        return self.secret_id if self.stage == DEFAULT_STAGE else f"{self.secret_id} [{self.stage}]"

    def afresh(self) -> SecretRequest:
        """Return the same request, but past every cache."""
        return SecretRequest(self.secret_id, self.stage, self.version_id, fresh=True)

    def parameters(self) -> dict[str, str]:
        """Return the parameters of GetSecretValue. The default stage is left out."""
        parameters = {"SecretId": self.secret_id}
        if self.version_id is not None:
            parameters["VersionId"] = self.version_id
        if self.stage != DEFAULT_STAGE:
            parameters["VersionStage"] = self.stage
        return parameters


class SecretValue:
    """A fetched value and its version."""

    __slots__ = ("value", "version_id")

    def __init__(self, value: SecretText | SecretBytes, version_id: str) -> None:
        self.value = value
        self.version_id = version_id


def has_valid_size(value: str | bytes) -> bool:
    """Return whether the service could store ``value``: 1 to 65,536 bytes."""
    if isinstance(value, str) and not value.isascii():
        try:
            value = value.encode()
        except UnicodeEncodeError:
            # A lone surrogate, which an escape in JSON can stand for, is no text.
            return False
    return 0 < len(value) <= MAX_BYTES


def is_answer_to(request: SecretRequest, answer: Mapping[str, Any]) -> bool:
    """Return whether an answer of GetSecretValue is about the secret and version of ``request``.

    An answer may leave out name, ARN and stages, as stand-ins for the service do.
    """
    asked, arn, stages = request.secret_id, answer.get("ARN"), answer.get("VersionStages")
    if not asked.startswith("arn:"):
        same = answer.get("Name") in (None, asked)
    else:
        same = not isinstance(arn, str) or asked in (arn, arn[:-ARN_SUFFIX])
    if request.version_id is not None:
        return same and answer.get("VersionId") == request.version_id
    return same and (not isinstance(stages, list) or request.stage in stages)


class BatchPage:
    """One page of an answer of BatchGetSecretValue.

    Attributes:
        found: ARN, name and value of each secret on the page.
        refused: Id, error code and message of each secret that could not be read.
        next_token: The token that the next page is requested with; ``None`` on the last page.
    """

    __slots__ = ("found", "next_token", "refused")

    def __init__(
        self,
        found: Sequence[tuple[str, str, SecretValue]],
        refused: Sequence[tuple[str, str, str]],
        next_token: str | None,
    ) -> None:
        self.found = found
        self.refused = refused
        self.next_token = next_token


# For type checkers alone: making protocols costs a cold start a quarter of a millisecond.
if TYPE_CHECKING:

    class SecretSource(Protocol):
        """Fetches values. Many tasks on one event loop call it at the same time."""

        def check(self, request: SecretRequest) -> None:
            """Check, without I/O, that the source can fetch ``request``.

            It is called in the caller's thread, so that the error is raised at the mistake.

            Raises:
                ConfigurationError: Region, endpoint or credentials are missing or forbidden.
            """
            ...

        async def fetch(self, request: SecretRequest) -> SecretValue:
            """Fetch one value, in one attempt. The caller retries, and limits the time.

            Raises:
                SecretError: One of its subclasses, with a message that says what to do next.
                ConfigurationError: The source cannot work with these settings or this environment.
            """
            ...

        async def warm(self) -> None:
            """Prepare what a first fetch needs, such as modules, credentials and a connection.

            Raises:
                Exception: Any. The caller ignores it, because the first fetch reports it better.
            """
            ...

        async def aclose(self) -> None:
            """Close all connections. The source can be used again afterwards."""
            ...

    class BatchSource(SecretSource, Protocol):
        """A source that can fetch several values in one call."""

        def place(self, request: SecretRequest) -> str:
            """Return the Region of the request. Requests of one Region can share a call.

            Raises:
                ConfigurationError: No Region is set.
            """
            ...

        async def fetch_batch(
            self, requests: Sequence[SecretRequest], token: str | None
        ) -> BatchPage:
            """Fetch one page of values at the default stage, in one attempt.

            Args:
                requests: At most 20, all of one Region.
                token: ``next_token`` of the page before; ``None`` for the first page.

            Raises:
                CoreBackendError: The whole call failed. The error is about the first request.
            """
            ...
