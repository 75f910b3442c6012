"""Secrets that a test makes up. Nothing is patched, and AWS is not asked."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from core_backend import _engine
from core_backend._engine import process
from core_backend.errors import CoreBackendError, SecretError, SecretNotFoundError
from core_backend.names import DEFAULT_STAGE, SecretName
from core_backend.secrets import clear_secrets
from core_backend.sources import SecretValue
from core_backend.sources.failures import failure_of
from core_backend.testing._variables import Variables
from core_backend.values import MAX_BYTES, SecretBytes, SecretText

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Iterator

    from core_backend.sources import SecretRequest

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
        # As long as a real version's id.
        version = version_id or f"{len(self.versions) + 1:08d}-0000-4000-8000-000000000000"
        self.versions[version] = value
        if version_id is None:
            self.stages[stage] = version


class FakeSecrets(MutableMapping[str, Any]):
    """Secrets by name: a mapping that serves its values as Secrets Manager would.

    A value is a ``str``, ``bytes``, an object that is stored as JSON, or an error out of
    ``core_backend.errors`` (an instance or its class) that a fetch then raises. Setting a value
    also forgets what is cached. Setting it under a ``SecretName`` also sets that name's
    environment variable.

    Attributes:
        calls: The secret of each fetch, in the order they were sent.
        call_times: When each of ``calls`` was sent, in seconds by the monotonic clock in force.
        latency: Seconds that each fetch takes, or a function that returns them.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.call_times: list[float] = []
        self.latency: float | Callable[[], float] = 0.0
        self._secrets: dict[str, _Secret] = {}
        self._failures: dict[str | None, Iterator[Failure | None]] = {}
        self._variables = Variables()
        self._was_asked = False

    def rotate(self, name: str, value: Any) -> None:
        """Make ``value`` the current version, as a rotation does: what is cached stays.

        The version that was current becomes ``AWSPREVIOUS``.

        Raises:
            KeyError: There is no such secret.
            TypeError: JSON cannot hold the value.
            ValueError: Secrets Manager would not take the value.
        """
        secret = self._secrets[_text(name)]
        stored = _check_value(name, value)
        if DEFAULT_STAGE in secret.stages:
            secret.stages[_PREVIOUS_STAGE] = secret.stages[DEFAULT_STAGE]
        secret.put(stored, DEFAULT_STAGE)

    def fail_with(
        self,
        error: Failure | Iterable[Failure | None] | None,
        *,
        secret: str | None = None,
        times: int | None = None,
    ) -> None:
        """Let fetches fail; what is cached stays.

        Args:
            error: The error that a fetch raises; a class names the secret in its message. Several
                are those of the next fetches, one each, and ``None`` among them lets one through.
                ``None`` alone ends the failures.
            secret: The one secret whose fetches fail; without it, those of all secrets.
            times: How many fetches fail; without it, all do until further notice. Of several
                errors, how often they are raised in turn; without it, once.

        Raises:
            TypeError: ``error`` is not one of ``core_backend.errors``.
        """
        key = None if secret is None else _text(secret)
        if error is None:
            if key is None:
                self._failures.clear()
            self._failures.pop(key, None)
            return
        if isinstance(error, (BaseException, type)):
            errors: list[Any] = [error]
            often = itertools.repeat(0) if times is None else range(times)
        else:
            errors = list(error)
            often = range(1 if times is None else times)
        for each in errors:
            if each is not None:
                # Here, where the mistake is made, and not in the fetch.
                _failure("any", each)
        self._failures[key] = (each for _ in often for each in errors)

    def close(self) -> None:
        """Restore the variables that were set for the names."""
        self._variables.restore()

    def __getitem__(self, name: str) -> Any:
        secret = self._secrets[_text(name)]
        return secret.versions[_version_of(secret, name)]

    def __setitem__(self, name: str, value: Any) -> None:
        key = _text(name)
        stored = _check_value(key, value)
        # A plain name declares no variable, stage or version.
        variable: str | None = getattr(name, "env_key", None)
        if variable is not None:
            self._variables.set(variable, key)
        secret = self._secrets.setdefault(key, _Secret())
        secret.put(stored, getattr(name, "stage", DEFAULT_STAGE), getattr(name, "version_id", None))
        self._forget()

    def __delitem__(self, name: str) -> None:
        del self._secrets[_text(name)]
        self._forget()

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

    def __len__(self) -> int:
        return len(self._secrets)

    def __repr__(self) -> str:
        """Return the names alone: not even a made-up value is shown."""
        return f"<FakeSecrets {', '.join(self._secrets)}>"

    # The methods of a source, which the store calls.

    def check(self, request: SecretRequest) -> None:  # noqa: ARG002  # any may be asked for
        """Allow any secret."""
        self._was_asked = True

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Answer as Secrets Manager would."""
        self.calls.append(request.label)
        self.call_times.append(_now())
        await asyncio.sleep(self.latency() if callable(self.latency) else self.latency)
        for key in (request.secret_id, None):
            failure = next(self._failures.get(key, iter(())), None)
            if failure is not None:
                raise _failure(request.label, failure).fresh()
        return self._answer(request)

    async def warm(self) -> None:
        """Do nothing: there is nothing to prepare."""

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _answer(self, request: SecretRequest) -> SecretValue:
        secret = self._secrets.get(request.secret_id)
        if secret is None:
            raise SecretNotFoundError(
                f"secret {request.label!r}: the test has faked none of that name; there are "
                f"{', '.join(map(repr, self._secrets)) or 'none at all'}",
                secret_id=request.label,
                code="ResourceNotFoundException",
            )
        version_id = request.version_id or secret.stages.get(request.stage)
        if version_id not in secret.versions:
            raise failure_of(request, "ResourceNotFoundException", "staging label")
        value = secret.versions[version_id]
        if isinstance(value, CoreBackendError):
            raise value.fresh()
        return SecretValue(_seal(value), version_id)

    def _forget(self) -> None:
        # Before the first fetch nothing is cached, and settings must not be read too early.
        if self._was_asked:
            clear_secrets()


@contextlib.contextmanager
def fake_secrets(
    values: Mapping[str, Any] | str | os.PathLike[str] | None = None,
) -> Generator[FakeSecrets]:
    """Serve made-up secrets in place of AWS's, until the block ends.

    Nothing that was cached before is seen in the block, and nothing of the block after it.

    Args:
        values: The secrets by name; see ``FakeSecrets`` for what they may be. Or the path of a
            ``.json`` or ``.env`` file that has them, for local runs: its keys are declared names,
            or the environment variables of such.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not one JSON object, or not lines of ``KEY=value``; or a value in
            it is none that Secrets Manager would take.
    """
    made_up = values if isinstance(values, Mapping) else _read(values) if values else {}
    fakes = FakeSecrets()
    _served.append(fakes)
    try:
        with process.replaced(source=fakes):
            fakes.update(made_up)
            yield fakes
    finally:
        _served.remove(fakes)
        fakes.close()


def serving() -> FakeSecrets | None:
    """Return the made-up secrets that are being served, if any are."""
    return _served[-1] if _served else None


def _read(file: str | os.PathLike[str]) -> dict[str, Any]:
    path = Path(file)
    # Some editors begin a file with a mark of its encoding.
    text = path.read_text(encoding="utf-8-sig")
    values: Any
    if path.suffix.lower() == ".json":
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"{path} is not one JSON object")
    else:
        # Here and not above: most tests make up their values.
        from io import StringIO  # noqa: PLC0415

        from dotenv import dotenv_values  # noqa: PLC0415

        values = dotenv_values(stream=StringIO(text), interpolate=False)
        if None in values.values():
            raise ValueError(f"{path} has a line that is not KEY=value")
    return {SecretName(key): value for key, value in cast("dict[str, Any]", values).items()}


def _text(name: str) -> str:
    # str() of an enumeration's member is its name in the code.
    return str.__str__(name)


def _now() -> float:
    store = _engine.current
    return time.monotonic() if store is None else store.clock.monotonic()


def _check_value(name: str, value: Any) -> Any:
    if isinstance(value, BaseException) or _is_class_of_errors(value, BaseException):
        return _failure(name, value)
    # Refused here, where it is set, and not in the fetch.
    raw = _encode(_seal(value))
    if raw is None:
        raise ValueError(
            f"secret {_text(name)!r}: its text is not UTF-8, which Secrets Manager does not take; "
            f"pass bytes for a secret that is declared with .binary()"
        )
    if not 1 <= len(raw) <= MAX_BYTES:
        raise ValueError(
            f"secret {_text(name)!r}: its value has {len(raw):,} bytes, and Secrets Manager takes "
            f"1 to {MAX_BYTES:,}"
        )
    return value


def _encode(sealed: SecretText | SecretBytes) -> bytes | None:
    """Return the bytes that are stored; ``None`` for text that has none."""
    if isinstance(sealed, bytes):
        return sealed
    try:
        return sealed.encode()
    except UnicodeEncodeError:
        # Its error would hold the text.
        return None


def _failure(name: str, error: Any) -> CoreBackendError:
    if isinstance(error, CoreBackendError):
        return error
    if _is_class_of_errors(error, CoreBackendError):
        which = {"secret_id": _text(name)} if _is_class_of_errors(error, SecretError) else {}
        return cast("CoreBackendError", error(_BECAUSE.format(_text(name)), **which))
    raise TypeError(
        f"a fetch raises nothing but the errors of core_backend.errors, so {error!r} cannot be "
        f"faked; SecretUnavailableError and SecretTimeoutError stand for a network that fails"
    )


def _is_class_of_errors(value: Any, errors: type[BaseException]) -> bool:
    return isinstance(value, type) and issubclass(value, errors)


def _seal(value: Any) -> SecretText | SecretBytes:
    if isinstance(value, bytes):
        return SecretBytes(value)
    return SecretText(value if isinstance(value, str) else json.dumps(value))


def _version_of(secret: _Secret, name: str) -> str:
    version_id: str | None = getattr(name, "version_id", None)
    return version_id or secret.stages[getattr(name, "stage", DEFAULT_STAGE)]
