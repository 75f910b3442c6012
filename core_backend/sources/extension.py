"""Values from a local process: the AWS Parameters and Secrets extension, or AWS's agent.

Both answer GetSecretValue over plain HTTP on this machine, from a cache of their own, if a request
carries the right token. Their error messages say little, and differ.

Source: Secrets Manager user guide, "Use AWS Secrets Manager secrets in AWS Lambda functions" and
"AWS Secrets Manager Agent". The texts of their refusals were observed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core_backend.errors import (
    ConfigurationError,
    SecretAccessDeniedError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources import SecretValue
from core_backend.sources.answers import read_value
from core_backend.sources.endpoints import Endpoint
from core_backend.sources.http.messages import Broken, Mistaken, can_be_header, request_bytes
from core_backend.sources.http.pool import Pool, TooSlow
from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.errors import CoreBackendError
    from core_backend.sources import SecretRequest
    from core_backend.sources.http.messages import Response

__all__ = ["ExtensionSource"]

_PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
_DEFAULT_PORT = "2773"
_HEADER = "x-aws-parameters-secrets-token"
# Tried in this order, and the agent's token file after the first. Only the agent has the first;
# SnapStart has the last, not the second.
_TOKENS = ("AWS_TOKEN", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
_AGENTS_TOKEN_FILE = "/var/run/awssmatoken"  # noqa: S105  # where the agent's installer puts it

_WAITING_SHARE = 0.8
"""Share of the fetch timeout spent waiting for the extension to become ready."""
_WAITING_PAUSE = 0.05
"""Seconds between two attempts meanwhile."""
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

_OK, _BAD_REQUEST, _TOO_MANY = 200, 400, 429
_REFUSED = (401, 403)
_NOT_READY = ("not ready to serve", "serving not enabled")
_UNEXPLAINED = "unexpected error"


class ExtensionSource:
    """Fetches from the extension or the agent, whichever runs.

    Args:
        settings: Timeouts, the number of connections, and how long they are kept.
        environ: Port and token. Read again for each fetch.
        clock: Tells how long a connection was idle.
        token_file: The file with the agent's token, if the agent is installed.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        clock: Clock,
        token_file: str = _AGENTS_TOKEN_FILE,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._clock = clock
        self._token_file = token_file
        self._pool: Pool | None = None
        self._has_served = False
        self._can_refresh = True
        """Whether it can be asked to bypass its cache. The agent can."""

    def check(self, request: SecretRequest) -> None:  # noqa: ARG002  # the same for every request
        """Check that the port is valid, and that there is a token.

        Raises:
            ConfigurationError: One of them is wrong.
        """
        self._endpoint()
        self._token()

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value. Wait for the extension if it is not ready yet.

        Raises:
            SecretError: One of its subclasses, with a message that says what to do next.
            ConfigurationError: Nothing listens, or it expects another token.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.timeout * _WAITING_SHARE
        while True:
            value = await self._attempt(request)
            if value is not None:
                return value
            if loop.time() + _WAITING_PAUSE >= end:
                raise ConfigurationError(
                    f"secret {request.label!r}: the extension on {self._endpoint().authority} is "
                    f"not there, or not ready. Check that its layer is part of the function (or "
                    f"that the agent runs), and ask in the handler: it does not serve while the "
                    f"module is being imported"
                )
            await asyncio.sleep(_WAITING_PAUSE)

    async def warm(self) -> None:
        """Do nothing: the extension does not serve while the function initializes."""

    async def aclose(self) -> None:
        """Close all connections. The source can be used again, on another loop too."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    async def _attempt(self, request: SecretRequest) -> SecretValue | None:
        """Return the value; ``None`` if the extension is not ready yet."""
        label = request.label
        try:
            answer = await self._ask(request)
        except Broken as broken:
            if not (self._has_served or isinstance(broken, Mistaken)):
                return None
            raise SecretUnavailableError(
                f"secret {label!r}: {broken}. The extension failed, or has ended; try again later",
                secret_id=label,
            ) from None
        except TooSlow as slow:
            raise SecretTimeoutError(
                f"secret {label!r}: {slow}. The extension waits for Secrets Manager: a function "
                f"in a VPC needs a NAT gateway or an interface endpoint for it",
                secret_id=label,
            ) from None
        if isinstance(answer, SecretValue):
            self._has_served = True
            return answer
        if _says(answer, *_NOT_READY):
            return None
        self._has_served = True
        if (refusal := _refusal(request, answer)) is not None:
            raise refusal
        return read_value(request, answer)

    async def _ask(self, request: SecretRequest) -> SecretValue | Response:
        target = _target(request)
        if not (request.fresh and self._can_refresh):
            return await self._get(request, target)
        answer = await self._get(request, f"{target}&refreshNow=true")
        if (
            isinstance(answer, SecretValue)
            or answer.status != _BAD_REQUEST
            or _says(answer, *_NOT_READY)
        ):
            return answer
        # It refused the secret, or it is the extension, which does not know that parameter.
        plain = await self._get(request, target)
        self._can_refresh = not isinstance(plain, SecretValue)
        return plain

    async def _get(self, request: SecretRequest, target: str) -> SecretValue | Response:
        if self._pool is None:
            self._pool = Pool(self._settings, self._clock, self._environ)
        endpoint = self._endpoint()
        headers = {"host": endpoint.authority, _HEADER: self._token()}
        sent = request_bytes("GET", target, headers, b"")

        def read(response: Response) -> SecretValue | Response:
            return read_value(request, response) if response.status == _OK else response

        return await self._pool.exchange(endpoint, lambda: sent, read)

    def _endpoint(self) -> Endpoint:
        port = self._environ.get(_PORT) or _DEFAULT_PORT
        if not (port.isascii() and port.isdigit()) or int(port[:6]) not in range(1, 65_536):
            raise ConfigurationError(f"{_PORT} is {port!r:.40}; it must be a port, 1 to 65535")
        return Endpoint(tls=False, host="localhost", port=int(port))

    def _token(self) -> SecretText:
        name, token = self._find_token()
        if token.startswith("file://"):
            token = _read_file(token.removeprefix("file://"))
        if not token:
            raise ConfigurationError(
                f"there is no token for the extension: {name} is not set, or its file cannot be "
                f"read (Lambda sets AWS_SESSION_TOKEN; for the Secrets Manager Agent elsewhere, "
                f"set AWS_TOKEN to the agent's own)"
            )
        if not can_be_header(token):
            raise ConfigurationError(f"the token in {name} has characters that no header may have")
        return token

    def _find_token(self) -> tuple[str, SecretText]:
        """Return the token, and the variable or file that it comes from."""
        for name in _TOKENS:
            token = SecretText(self._environ.get(name, ""))
            if name != _TOKENS[0] and (installed := _read_file(self._token_file)):
                return self._token_file, installed
            if token:
                return name, token
        return "AWS_SESSION_TOKEN", SecretText()


def _target(request: SecretRequest) -> str:
    # The parameters are the API's, in another spelling.
    query = "&".join(
        f"{name[0].lower()}{name[1:]}={_quote(value)}"
        for name, value in request.parameters().items()
    )
    return f"/secretsmanager/get?{query}"


def _quote(text: str) -> str:
    # By hand, because importing urllib.parse takes longer than this.
    return "".join(chr(x) if x in _UNRESERVED else f"%{x:02X}" for x in text.encode())


def _read_file(path: str) -> SecretText:
    """Return the text of a file; empty if it cannot be read."""
    try:
        # A few hundred bytes of memory: not worth a thread.
        with open(path, encoding="ascii") as file:  # noqa: PTH123  # pathlib is slow to import
            return SecretText(file.read().strip())
    except (OSError, UnicodeError):
        return SecretText()


def _says(response: Response, *words: str) -> bool:
    text = response.body[:200].decode("ascii", "replace").lower()
    return any(word in text for word in words)


def _refusal(request: SecretRequest, response: Response) -> CoreBackendError | None:
    """Return the error for a refusal in plain text; ``None`` for one with an error code."""
    label = request.label
    if response.body[:1] == b"{":
        return None
    if response.status in _REFUSED:
        return ConfigurationError(
            f"secret {label!r}: the extension refused the token. It must be the one that the "
            f"extension or agent was started with: set AWS_TOKEN to it"
        )
    if response.status == _TOO_MANY:
        return SecretThrottledError(
            f"secret {label!r}: the extension has too many connections; lower max_connections",
            secret_id=label,
        )
    if _says(response, _UNEXPLAINED):
        return SecretAccessDeniedError(
            f"secret {label!r}: the extension could not fetch it, and gives the reason only in its "
            f"own log. Most often access is denied, or there is no such secret",
            secret_id=label,
        )
    return None
