"""The credentials that sign requests, and AWS Signature Version 4, with which they do.

Lambda puts credentials into the environment, or, under SnapStart, behind a container endpoint.
SHA-256 comes from the module that Python brings for it, and HMAC is written out: ``hashlib`` and
``hmac`` would load OpenSSL's digests, which takes a cold start about a millisecond.

Source: AWS SDKs and tools reference guide, "Container credential provider"; IAM user guide,
"Create a signed AWS API request".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError
from core_backend.sources import NO_DESCRIPTOR
from core_backend.sources.endpoints import is_secure, split_url
from core_backend.sources.http.connection import Untrusted
from core_backend.sources.http.messages import Broken, can_be_header, request_bytes
from core_backend.sources.http.pool import TooSlow
from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from hashlib import sha256

    from core_backend._clock import Clock
    from core_backend.sources.endpoints import Endpoint
    from core_backend.sources.http.messages import Response
    from core_backend.sources.http.pool import Pool
else:
    try:
        from _sha2 import sha256
    except ImportError:  # Python 3.11, and builds that leave it out
        from _hashlib import openssl_sha256 as sha256

__all__ = [
    "CredentialSource",
    "Credentials",
    "request_body",
    "signed_headers",
]

_RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
_FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105  # a variable's name
_TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105  # the same
# The addresses of ECS and EKS serve credentials over plain http, on links that leave no machine.
_LINK_LOCAL = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"})
_EARLY = 300.0
"""Credentials are fetched anew so many seconds before they expire."""
_RETRY = 10.0
"""If that fails, the old ones serve so many seconds more before the next try."""
_OK = 200


class Credentials:
    """What signs a request. Its repr shows nothing secret.

    Attributes:
        expires: When they expire, in seconds since the epoch; 0 if that is unknown.
    """

    __slots__ = ("access_key_id", "expires", "secret_access_key", "session_token")

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None,
        expires: float = 0.0,
    ) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = SecretText(secret_access_key)
        self.session_token = SecretText(session_token) if session_token else None
        self.expires = expires


class CredentialSource:
    """Finds the credentials to sign with.

    Args:
        environ: Read again for each request, because credentials there may be replaced.
        clock: Tells when those of a container endpoint expire.
    """

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._environ = environ
        self._clock = clock
        self._kept: Credentials | None = None
        self._renew_at = 0.0
        self._lock: asyncio.Lock | None = None

    def forget(self) -> None:
        """Forget what the container endpoint gave, because AWS refused it."""
        self._kept = None
        self._lock = None

    def check(self) -> None:
        """Check, without I/O, that there are credentials.

        Raises:
            ConfigurationError: There are none, or they cannot be valid.
        """
        if self._from_environment() is None:
            self._container()

    async def current(self, pool: Pool) -> Credentials:
        """Return the credentials to sign with.

        Raises:
            ConfigurationError: There are none, or they cannot be valid.
            Broken: The container endpoint failed.
            TooSlow: It took too long.
            Untrusted: Its certificate does not verify.
        """
        if found := self._from_environment():
            return found
        if self._lock is None:
            self._lock = asyncio.Lock()
        # One request for all that wait here.
        async with self._lock:
            if self._kept is None or self._clock.wall() >= self._renew_at:
                self._kept = await self._renew(pool)
            return self._kept

    async def _renew(self, pool: Pool) -> Credentials:
        try:
            new = await self._from_container(pool)
        except (Broken, OSError, TooSlow, Untrusted):
            old, now = self._kept, self._clock.wall()
            if old is None or now >= old.expires:
                raise
            self._renew_at = min(now + _RETRY, old.expires)
            return old
        # At least one second, so that all who wait share one answer.
        self._renew_at = max(new.expires - _EARLY, self._clock.wall() + 1)
        return new

    def _from_environment(self) -> Credentials | None:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        key, secret, token = (self._environ.get(name, "") for name in names)
        if not key and not secret:
            return None
        if not key or not secret:
            missing = names[1] if key else names[0]
            raise ConfigurationError(f"{missing} is not set, but its counterpart is; set both")
        for name, text in zip(names, (key, secret, token), strict=True):
            if not _is_plain(text):
                raise ConfigurationError(
                    f"{name} has spaces, line ends or other characters that no credentials have; "
                    f"set it anew"
                )
        return Credentials(key, secret, token)

    async def _from_container(self, pool: Pool) -> Credentials:
        endpoint, target = self._container()
        headers = {"host": endpoint.authority, "accept": "application/json"}
        if token := self._container_token():
            headers["authorization"] = token
        request = request_bytes("GET", target, headers, b"")
        return await pool.exchange(endpoint, lambda: request, _read_credentials)

    def _container(self) -> tuple[Endpoint, str]:
        variable, url = _FULL, self._environ.get(_FULL, "")
        if relative := self._environ.get(_RELATIVE):
            variable, url = _RELATIVE, f"http://169.254.170.2{relative}"
        if not url:
            raise ConfigurationError(
                "there are no credentials: the environment has neither AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY nor a container credentials endpoint (Lambda sets them); in "
                "a test, fake the secret (core_backend.testing.fake_secrets)"
            )
        endpoint, target = split_url(url, variable)
        if not is_secure(endpoint) and endpoint.host not in _LINK_LOCAL:
            raise ConfigurationError(
                f"{variable} leads to {endpoint.host} over plain http; the SDKs accept only https, "
                f"this machine, and the addresses of ECS and EKS"
            )
        return endpoint, target

    def _container_token(self) -> str | None:
        token = self._environ.get(_TOKEN)
        if path := self._environ.get(_TOKEN_FILE):
            token = _read_file(path)
        if token and not can_be_header(token):
            raise ConfigurationError(
                f"the token in {_TOKEN_FILE if path else _TOKEN} has line ends, spaces around it "
                f"or other characters that a header cannot have"
            )
        return SecretText(token) if token else None


def _read_file(path: str) -> str:
    try:
        # A few hundred bytes, from memory or from the node: not worth a thread.
        with open(path, encoding="ascii") as file:  # noqa: PTH123  # pathlib costs a cold start 3 ms
            return SecretText(file.read())
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) in NO_DESCRIPTOR:
            raise
        raise ConfigurationError(
            f"{_TOKEN_FILE} is {path!r}, which cannot be read ({type(error).__name__})"
        ) from None


def _read_credentials(response: Response) -> Credentials:
    """Return the credentials in an answer of a container endpoint.

    Raises:
        Broken: It has none.
    """
    if response.status != _OK:
        raise Broken(f"no credentials, but HTTP {response.status}")
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
        found = json.loads(response.body.decode())
        key, secret, token = found["AccessKeyId"], found["SecretAccessKey"], found.get("Token", "")
        expires = _seconds(found.get("Expiration"))
        if key and secret and all(map(_is_plain, (key, secret, token or ""))):
            return Credentials(key, secret, token, expires)
    raise Broken("the answer holds no credentials")


def _seconds(text: str | None) -> float:
    """Return a date in seconds since the epoch; 0 if there is none."""
    if not text:
        return 0.0
    # Imported here, because only containers and SnapStart send a date.
    from datetime import UTC, datetime  # noqa: PLC0415

    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "secretsmanager"
_CONTENT_TYPE = "application/x-amz-json-1.1"

# HMAC, source: RFC 2104.
_BLOCK = 64
_INNER = bytes(x ^ 0x36 for x in range(256))
_OUTER = bytes(x ^ 0x5C for x in range(256))


def request_body(parameters: Mapping[str, object]) -> bytes:
    """Return the body of a request, as the SDKs write it."""
    return json.dumps(parameters).encode()


def signed_headers(  # noqa: PLR0913  # what is signed has many parts
    credentials: Credentials, *, operation: str, now: float, host: str, region: str, body: bytes
) -> dict[str, str]:
    """Return the headers of one request, including the signature.

    Args:
        credentials: The credentials that sign.
        operation: The action, such as ``GetSecretValue``.
        now: Seconds since the epoch. The service's clock may differ by at most 5 minutes.
        host: The Host header, with the port unless it is the scheme's own.
        region: The Region to sign for.
        body: The body of the request.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    # The signature needs them in the order of their names.
    headers = {"content-type": _CONTENT_TYPE, "host": host, "x-amz-date": moment}
    if credentials.session_token is not None:
        headers["x-amz-security-token"] = credentials.session_token
    headers["x-amz-target"] = f"{_SERVICE}.{operation}"
    names = ";".join(headers)
    scope = f"{moment[:8]}/{region}/{_SERVICE}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{_canonical_hash(headers, names, body)}"
    key = _signing_key(credentials.secret_access_key, moment[:8], region)
    headers["authorization"] = SecretText(
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={_hmac(key, to_sign).hex()}"
    )
    return headers


def _canonical_hash(headers: dict[str, str], names: str, body: bytes) -> str:
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    digest = sha256(body).hexdigest()
    return sha256(f"POST\n/\n\n{lines}\n{names}\n{digest}".encode()).hexdigest()


def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, _SERVICE, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    inner = sha256(key.translate(_INNER) + text.encode()).digest()
    return sha256(key.translate(_OUTER) + inner).digest()
