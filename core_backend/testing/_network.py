"""Under pytest, a fetch that no fake, mock or server on this machine answers is refused at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core_backend._engine.process import choose_source
from core_backend.errors import ConfigurationError
from core_backend.sources.endpoints import Endpoints, is_loopback

if TYPE_CHECKING:
    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources import SecretRequest, SecretSource, SecretValue

__all__ = ["NetworkGuard"]

_FIXTURE = """\
    def {test}(fake_secrets):
        fake_secrets[{secret!r}] = "made up"\
"""
_BLOCK = """\
    from core_backend.testing import fake_secrets
    with fake_secrets({{{secret!r}: "made up"}}):\
"""


class NetworkGuard:
    """Chooses the source of secrets under pytest.

    Attributes:
        allowed: Whether the running test may fetch from AWS.
        test: The running test's id; ``None`` while tests are collected.
        function: The name of its function, to show how that asks for the fixture; ``None`` where
            it cannot, as in a method of unittest.
    """

    def __init__(self, *, allowed: bool) -> None:
        self.allowed = allowed
        self.test: str | None = None
        self.function: str | None = None

    def choose(self, settings: Settings, clock: Clock) -> tuple[SecretSource, str, str]:
        """Choose as ever, and guard the source. Faults of the environment are raised later."""
        source = _GuardedSource(self, settings, clock)
        try:
            chosen, name, reason = choose_source(settings, clock)
        except ConfigurationError as error:
            return source, "none", str(error)
        source.chosen = chosen
        return source, name, reason

    def refusal(self, request: SecretRequest) -> ConfigurationError:
        """Return the error that says how the test fakes the secret, or allows its fetch."""
        where = f"the test {self.test}" if self.test else "a module, while tests are collected,"
        return ConfigurationError(
            f"secret {request.label!r}: {where} fetches it from AWS, since nothing fakes it. "
            f"Fake it:\n\n{self.example(request)}\n\nor allow it, with "
            f"@pytest.mark.core_backend_network or with core_backend_network = allow in pytest's "
            f"settings"
        )

    def example(self, request: SecretRequest) -> str:
        """Return the two lines that fake the secret."""
        lines = _FIXTURE if self.function else _BLOCK
        return lines.format(test=self.function, secret=request.secret_id)


class _GuardedSource:
    """The source that a function on Lambda has, for tests that may use it."""

    def __init__(self, guard: NetworkGuard, settings: Settings, clock: Clock) -> None:
        self.chosen: SecretSource | None = None
        self._guard = guard
        self._settings = settings
        self._clock = clock

    @property
    def tls(self) -> str | None:
        return getattr(self.chosen, "tls", None)

    def check(self, request: SecretRequest) -> None:
        self._check_network(request)
        try:
            if self.chosen is None:
                self.chosen, _, _ = choose_source(self._settings, self._clock)
            self.chosen.check(request)
        except ConfigurationError as error:
            if self._guard.allowed:
                raise
            message = f"{error}. In a test, a fake needs none of it:\n\n"
        else:
            return
        # Raised here, where no frame of its traceback holds the environment.
        raise ConfigurationError(message + self._guard.example(request))

    async def fetch(self, request: SecretRequest) -> SecretValue:
        # Once more: a refresh, and a handle that asks again, come here without a check.
        self._check_network(request)
        assert self.chosen is not None  # noqa: S101  # checked before the first fetch
        return await self.chosen.fetch(request)

    async def warm(self) -> None:
        if self.chosen is not None and (self._guard.allowed or self._is_on_this_machine()):
            await self.chosen.warm()

    async def aclose(self) -> None:
        if self.chosen is not None:
            await self.chosen.aclose()

    def _check_network(self, request: SecretRequest) -> None:
        if not self._guard.allowed and not self._is_on_this_machine():
            raise self._guard.refusal(request)

    def _is_on_this_machine(self) -> bool:
        if self._settings.source == "extension":
            return True
        endpoint = Endpoints(os.environ, self._settings.insecure_endpoint).custom()
        return endpoint is not None and is_loopback(endpoint.host)
