"""Secrets that a test makes up. Nothing is patched, and nothing is asked of AWS."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from core_backend._engine import process
from core_backend.errors import CoreBackendError, SecretError, SecretNotFoundError
from core_backend.names import DEFAULT_STAGE
from core_backend.secrets import clear_secrets
from core_backend.sources.failures import failure_of
from core_backend.sources.protocol import SecretValue
from core_backend.testing._variables import Variables
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from core_backend.sources.protocol import SecretRequest

__all__ = ["FakeSecrets", "fake_secrets", "serving"]

Failure = CoreBackendError | type[CoreBackendError]

_BECAUSE = "secret '{}': it fails because the test says so"
_PREVIOUS_STAGE = "AWSPREVIOUS"
_served: list[FakeSecrets] = []


class _Secret:
    """One secret's versions, and which of them each staging label is on."""

    def __init__(self) -> None:
        self.versions: dict[str, Any] = {}
        self.stages: dict[str, str] = {}

    def put(self, value: Any, stage: str, version_id: str | None = None) -> None:
        # The same length as a real one's.
        version = version_id or f"{len(self.versions) + 1:08d}-0000-4000-8000-000000000000"
        self.versions[version] = value
        if version_id is None:
            self.stages[stage] = version


class FakeSecrets(MutableMapping[str, Any]):
    """Secrets by name: a mapping that serves what it holds, as Secrets Manager would.

    A value is a ``str``, ``bytes``, an object that is stored as JSON, or an error out of
    ``core_backend.errors`` (an instance or its class) that a fetch then raises. Setting one, under
    a name or a ``SecretName`` whose variable is then set as well, also forgets what is cached.

    Attributes:
        calls: The secret of each fetch, in the order they were sent.
        latency: Seconds each fetch takes.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.latency = 0.0
        self._secrets: dict[str, _Secret] = {}
        self._failure: Failure | None = None
        self._failures_left: int | None = None
        self._variables = Variables()
        self._was_asked = False

    def rotate(self, name: str, value: Any) -> None:
        """Make ``value`` the current version, as a rotation does: what is cached stays.

        What was current is ``AWSPREVIOUS`` afterwards.

        Raises:
            KeyError: There is no such secret.
        """
        secret = self._secrets[str(name)]
        if DEFAULT_STAGE in secret.stages:
            secret.stages[_PREVIOUS_STAGE] = secret.stages[DEFAULT_STAGE]
        secret.put(_checked(name, value), DEFAULT_STAGE)

    def fail_with(self, error: Failure | None, *, times: int | None = None) -> None:
        """Let every fetch fail.

        Args:
            error: What a fetch raises; ``None`` ends it. A class names the secret asked for.
            times: For how many fetches; without it, until further notice.
        """
        if error is not None:
            # Here, where the mistake is made, and not in the fetch.
            _failure("any", error)
        self._failure = error
        self._failures_left = times

    def close(self) -> None:
        """Restore the variables that were set for the names."""
        self._variables.restore()

    def __getitem__(self, name: str) -> Any:
        secret = self._secrets[str(name)]
        return secret.versions[_version_of(secret, name)]

    def __setitem__(self, name: str, value: Any) -> None:
        stored = _checked(name, value)
        # A plain name declares no variable, stage or version.
        variable: str | None = getattr(name, "env_key", None)
        if variable is not None:
            self._variables.set(variable, str(name))
        secret = self._secrets.setdefault(str(name), _Secret())
        secret.put(stored, getattr(name, "stage", DEFAULT_STAGE), getattr(name, "version_id", None))
        self._forget()

    def __delitem__(self, name: str) -> None:
        del self._secrets[str(name)]
        self._forget()

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

    def __len__(self) -> int:
        return len(self._secrets)

    def __repr__(self) -> str:
        """Return the names alone: a value is shown nowhere, not even a made-up one."""
        return f"<FakeSecrets {', '.join(self._secrets)}>"

    # What the store asks of a source.

    def check(self, request: SecretRequest) -> None:  # noqa: ARG002  # any can be asked for
        """Allow anything."""
        self._was_asked = True

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Answer as Secrets Manager would."""
        self.calls.append(request.label)
        if self.latency:
            await asyncio.sleep(self.latency)
        if self._failure is not None and self._failures_left != 0:
            if self._failures_left is not None:
                self._failures_left -= 1
            raise _failure(request.label, self._failure).fresh()
        return self._answer(request)

    async def warm(self) -> None:
        """Do nothing: there is nothing to prepare."""

    async def aclose(self) -> None:
        """There is nothing to close."""

    def _answer(self, request: SecretRequest) -> SecretValue:
        secret = self._secrets.get(request.secret_id)
        if secret is None:
            raise SecretNotFoundError(
                f"secret {request.label!r}: the test has faked none of that name; there are "
                f"{', '.join(map(repr, self._secrets)) or 'none at all'}",
                secret_id=request.label,
            )
        version_id = request.version_id or secret.stages.get(request.stage)
        if version_id not in secret.versions:
            raise failure_of(request, "ResourceNotFoundException", "staging label")
        value = secret.versions[version_id]
        if isinstance(value, CoreBackendError):
            raise value.fresh()
        return SecretValue(_sealed(value), version_id)

    def _forget(self) -> None:
        # Where nobody asked yet there is nothing to forget, and settings are not read too early.
        if self._was_asked:
            clear_secrets()


@contextlib.contextmanager
def fake_secrets(values: Mapping[str, Any] | None = None) -> Generator[FakeSecrets]:
    """Serve made-up secrets in place of AWS's, until the block ends.

    Nothing that was cached before is seen in the block, and nothing of the block after it.

    Args:
        values: The secrets by name; see ``FakeSecrets`` for what they may be.
    """
    fakes = FakeSecrets()
    _served.append(fakes)
    try:
        with process.replaced(source=fakes):
            fakes.update(values or {})
            yield fakes
    finally:
        _served.remove(fakes)
        fakes.close()


def serving() -> FakeSecrets | None:
    """Return the made-up secrets that are being served, if any are."""
    return _served[-1] if _served else None


def _checked(name: str, value: Any) -> Any:
    if isinstance(value, BaseException) or _is_class_of_errors(value, BaseException):
        return _failure(name, value)
    # What Secrets Manager could not hold is refused where it is set.
    _sealed(value)
    return value


def _failure(name: str, error: Any) -> CoreBackendError:
    if isinstance(error, CoreBackendError):
        return error
    if _is_class_of_errors(error, CoreBackendError):
        which = {"secret_id": str(name)} if _is_class_of_errors(error, SecretError) else {}
        return cast("CoreBackendError", error(_BECAUSE.format(name), **which))
    raise TypeError(
        f"a fetch raises nothing but the errors of core_backend.errors, so {error!r} cannot be "
        f"faked; SecretUnavailableError and SecretTimeoutError stand for a network that fails"
    )


def _is_class_of_errors(value: Any, errors: type[BaseException]) -> bool:
    return isinstance(value, type) and issubclass(value, errors)


def _sealed(value: Any) -> SecretText | SecretBytes:
    if isinstance(value, bytes):
        return SecretBytes(value)
    return SecretText(value if isinstance(value, str) else json.dumps(value))


def _version_of(secret: _Secret, name: str) -> str:
    version_id: str | None = getattr(name, "version_id", None)
    return version_id or secret.stages[getattr(name, "stage", DEFAULT_STAGE)]
