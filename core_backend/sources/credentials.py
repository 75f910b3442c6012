"""Whose credentials sign: the environment's, read at each fetch, or a container endpoint's.

Source: AWS SDKs and tools reference guide, "Container credential provider". Lambda puts
credentials into the environment, or, under SnapStart, behind such an endpoint.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError
from core_backend.sources.endpoints import is_loopback, split_url
from core_backend.sources.http.messages import Broken, can_be_header, request_bytes
from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_backend._clock import Clock
    from core_backend.sources.endpoints import Endpoint
    from core_backend.sources.http.pool import Pool

__all__ = ["CredentialSource", "Credentials"]

_RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
_FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105  # a variable's name
_TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105  # the same
# Where ECS and EKS serve credentials over plain http, on links that leave no machine.
_LINK_LOCAL = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"})
_EARLY = 300.0
"""How long before they expire credentials are fetched anew, in seconds."""
_OK = 200


class Credentials:
    """What signs a request. Shows nothing of itself."""

    __slots__ = ("access_key_id", "secret_access_key", "session_token")

    def __init__(self, access_key_id: str, secret_access_key: str, token: str | None) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = SecretText(secret_access_key)
        self.session_token = SecretText(token) if token else None


class CredentialSource:
    """Finds the credentials in force.

    Args:
        environ: Read anew for each request, for credentials there may be replaced.
        clock: Tells when those of a container endpoint expire.
    """

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._environ = environ
        self._clock = clock
        self._kept: Credentials | None = None
        self._until = 0.0
        self._asking: asyncio.Lock | None = None

    def forget(self) -> None:
        """Ask the container endpoint again next time: what it gave was refused."""
        self._kept = None
        self._asking = None

    def check(self) -> None:
        """See that there are credentials, as far as that can be seen without any I/O.

        Raises:
            ConfigurationError: There are none, or they cannot be right.
        """
        if self._from_environment() is None:
            self._container()

    async def current(self, pool: Pool) -> Credentials:
        """Return the credentials to sign with.

        Raises:
            ConfigurationError: There are none, or they cannot be right.
            Broken: The container endpoint failed.
            TooSlow: It took too long.
        """
        if found := self._from_environment():
            return found
        if self._asking is None:
            self._asking = asyncio.Lock()
        async with self._asking:
            if self._kept is None or self._clock.wall() >= self._until:
                self._kept, expires = await self._from_container(pool)
                # For a second at least, so that those who wait here share what came.
                self._until = max(expires - _EARLY, self._clock.wall() + 1)
            return self._kept

    def _from_environment(self) -> Credentials | None:
        get = self._environ.get
        key, secret = get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")
        if not key and not secret:
            return None
        if not key or not secret:
            missing = "AWS_SECRET_ACCESS_KEY" if key else "AWS_ACCESS_KEY_ID"
            raise ConfigurationError(f"{missing} is not set, but its counterpart is; set both")
        token = get("AWS_SESSION_TOKEN")
        if not _is_plain(key) or not _is_plain(token or ""):
            variable = "AWS_SESSION_TOKEN" if _is_plain(key) else "AWS_ACCESS_KEY_ID"
            raise ConfigurationError(f"{variable} has characters that none can have; set it anew")
        return Credentials(key, secret, token)

    async def _from_container(self, pool: Pool) -> tuple[Credentials, float]:
        endpoint, target = self._container()
        headers = {"host": endpoint.authority, "accept": "application/json"}
        if token := self._container_token():
            headers["authorization"] = token
        request = request_bytes("GET", target, headers, b"")
        response = await pool.exchange(endpoint, lambda: request)
        if response.status != _OK:
            raise Broken(f"{endpoint.authority}: no credentials, but HTTP {response.status}")
        found = _decoded(response.body)
        if found is None:
            raise Broken(f"{endpoint.authority}: the answer holds no credentials")
        return found

    def _container(self) -> tuple[Endpoint, str]:
        variable, url = _FULL, self._environ.get(_FULL, "")
        if relative := self._environ.get(_RELATIVE):
            variable, url = _RELATIVE, f"http://169.254.170.2{relative}"
        if not url:
            raise ConfigurationError(
                "there are no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor "
                "a container credentials endpoint is set in the environment, where Lambda sets "
                "them; in a test, fake the secret (core_backend.testing.fake_secrets)"
            )
        endpoint, target = split_url(url, variable)
        if not endpoint.tls and endpoint.host not in _LINK_LOCAL and not is_loopback(endpoint.host):
            raise ConfigurationError(
                f"{variable} leads to {endpoint.host} over plain http; the SDKs take only https, "
                f"this machine, and the addresses of ECS and EKS"
            )
        return endpoint, target

    def _container_token(self) -> str | None:
        token = self._environ.get(_TOKEN)
        if path := self._environ.get(_TOKEN_FILE):
            token = _read(path)
        if token and not can_be_header(token):
            raise ConfigurationError(
                f"the token in {_TOKEN_FILE if path else _TOKEN} has line ends, spaces around it "
                f"or other characters that no header may have"
            )
        return SecretText(token) if token else None


def _read(path: str) -> str:
    try:
        # A few hundred bytes, out of memory or from the node: not worth a thread.
        with open(path, encoding="ascii") as file:  # noqa: PTH123  # pathlib costs a cold start 3 ms
            return SecretText(file.read())
    except (OSError, UnicodeError) as error:
        why = type(error).__name__
    raise ConfigurationError(f"{_TOKEN_FILE} is {path!r}, which cannot be read ({why})")


def _decoded(body: bytes) -> tuple[Credentials, float] | None:
    """Return the credentials and when they expire; ``None`` where the body has none."""
    try:
        found = json.loads(body.decode())
        fields = [found[name] for name in ("AccessKeyId", "SecretAccessKey")]
        fields += [found.get(name) or "" for name in ("Token", "Expiration")]
        expires = _moment(fields.pop())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    if not all(isinstance(field, str) and _is_plain(field) for field in fields) or not all(
        fields[:2]
    ):
        return None
    return Credentials(*fields), expires


def _moment(text: str) -> float:
    if not text:
        return 0.0
    # Only under SnapStart and in containers is there a date to be read.
    from datetime import UTC, datetime  # noqa: PLC0415

    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
