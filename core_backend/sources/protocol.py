"""What a source is asked, what it answers, and the shape of every source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from core_backend.names import DEFAULT_STAGE, Key, cache_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core_backend.values import SecretBytes, SecretText

__all__ = [
    "BatchPage",
    "BatchSource",
    "Key",
    "SecretRequest",
    "SecretSource",
    "SecretValue",
]


class SecretRequest:
    """One secret at one stage or version: what is fetched, and the key it is cached under.

    Attributes:
        key: What its value is cached under.
        fresh: Whether it is wanted past every cache, one that the source has included.
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
        """Return whether the same is asked for."""
        return isinstance(other, SecretRequest) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        """Return what is asked for, which is no secret."""
        return f"<SecretRequest {self.label!r}>"

    @property
    def label(self) -> str:
        """The id as messages show it, with stage and version where they are not the usual."""
        if self.version_id is not None:
            return f"{self.secret_id} [{self.version_id}]"
        return self.secret_id if self.stage == DEFAULT_STAGE else f"{self.secret_id} [{self.stage}]"

    def afresh(self) -> SecretRequest:
        """Return the same request, past every cache."""
        return SecretRequest(self.secret_id, self.stage, self.version_id, fresh=True)

    def parameters(self) -> dict[str, str]:
        """Return the parameters of GetSecretValue; the usual stage is what it defaults to."""
        parameters = {"SecretId": self.secret_id}
        if self.version_id is not None:
            parameters["VersionId"] = self.version_id
        if self.stage != DEFAULT_STAGE:
            parameters["VersionStage"] = self.stage
        return parameters


class SecretValue:
    """What a source answers: the value, and which version it is."""

    __slots__ = ("value", "version_id")

    def __init__(self, value: SecretText | SecretBytes, version_id: str) -> None:
        self.value = value
        self.version_id = version_id


class SecretSource(Protocol):
    """Fetches values. Called on one event loop, by many tasks at once."""

    def check(self, request: SecretRequest) -> None:
        """Refuse what this source cannot fetch, without any I/O.

        Called in the caller's thread, so that a mistake is raised where it was made.

        Raises:
            ConfigurationError: Region, endpoint or credentials are missing, or not to be used.
        """
        ...

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, once: retries and the whole fetch's deadline belong to the caller.

        Raises:
            SecretError: One of its subclasses, with a message that says what to do next.
            ConfigurationError: The source cannot work as things are set up.
        """
        ...

    async def warm(self) -> None:
        """Prepare what a first fetch needs, so that it has less to do: modules, connections.

        Raises:
            Exception: Any. The caller ignores it, since the first fetch will say it better.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open. The source can be used again afterwards."""
        ...


class BatchPage:
    """One page of what BatchGetSecretValue answers.

    Attributes:
        found: ARN, name and value of each secret that is on it.
        refused: Id, error code and message of each that was not to be had.
        next_token: What the next page is asked for with; ``None`` on the last.
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


class BatchSource(SecretSource, Protocol):
    """A source that can fetch several values in one call."""

    def place(self, request: SecretRequest) -> str:
        """Return where it is asked for; those of one place can be asked for in one call.

        Raises:
            ConfigurationError: No Region is set.
        """
        ...

    async def fetch_batch(self, requests: Sequence[SecretRequest], token: str | None) -> BatchPage:
        """Fetch one page of values at the usual stage, in one attempt.

        Args:
            requests: At most 20, of one place.
            token: What the page before said; ``None`` for the first.

        Raises:
            CoreBackendError: What ``fetch`` raises for the first of them, where the whole call
                fails.
        """
        ...
