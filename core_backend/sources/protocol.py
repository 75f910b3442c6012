"""What a source is asked, what it answers, and the shape of every source."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from core_backend.names import DEFAULT_STAGE

if TYPE_CHECKING:
    from core_backend.values import SecretBytes, SecretText

__all__ = ["SecretRequest", "SecretSource", "SecretValue"]


class SecretRequest(NamedTuple):
    """One secret at one stage or version: what is fetched, and the key it is cached under."""

    secret_id: str
    stage: str = DEFAULT_STAGE
    version_id: str | None = None

    @property
    def label(self) -> str:
        """The id as messages show it, with stage and version where they are not the usual."""
        if self.version_id is not None:
            return f"{self.secret_id} [{self.version_id}]"
        return self.secret_id if self.stage == DEFAULT_STAGE else f"{self.secret_id} [{self.stage}]"

    def parameters(self) -> dict[str, str]:
        """Return the parameters of GetSecretValue.

        A pinned version goes without the default stage: it need not be the current one.
        """
        parameters = {"SecretId": self.secret_id}
        if self.version_id is not None:
            parameters["VersionId"] = self.version_id
        if self.version_id is None or self.stage != DEFAULT_STAGE:
            parameters["VersionStage"] = self.stage
        return parameters


class SecretValue(NamedTuple):
    """What a source answers: the value, and which version it is."""

    value: SecretText | SecretBytes
    version_id: str


class SecretSource(Protocol):
    """Fetches values. Called on one event loop, by many tasks at once."""

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value, once: retries and the whole fetch's deadline belong to the caller.

        Raises:
            SecretError: One of its subclasses, with a message that says what to do next.
            ConfigurationError: The source cannot work as things are set up.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open. The source can be used again afterwards."""
        ...
