"""Values from a process next door: the AWS Parameters and Secrets extension, or AWS's agent.

Both serve GetSecretValue's answers over plain HTTP on this machine, out of a cache of their own,
to whoever shows a token. What they say of failures differs, and is little.

Source: Secrets Manager user guide, "Use AWS Secrets Manager secrets in AWS Lambda functions" and
"AWS Secrets Manager Agent"; the words of their refusals are those they are known to send.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core_backend.errors import (
    ConfigurationError,
    CoreBackendError,
    SecretAccessDeniedError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources.answers import understand
from core_backend.sources.endpoints import Endpoint
from core_backend.sources.http.messages import Broken, can_be_header, request_bytes
from core_backend.sources.http.pool import Pool, TooSlow
from core_backend.values import SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core_backend._clock import Clock
    from core_backend._configuration import Settings
    from core_backend.sources.http.messages import Response
    from core_backend.sources.protocol import SecretRequest, SecretValue

__all__ = ["ExtensionSource"]

_PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
_DEFAULT_PORT = "2773"
_HEADER = "x-aws-parameters-secrets-token"
# In this order. The first is the agent's alone; the last stands in for it under SnapStart.
_TOKENS = ("AWS_TOKEN", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
_AGENTS_TOKEN_FILE = "/var/run/awssmatoken"  # noqa: S105  # where the agent's installer puts it

# How long it is waited for that either gets ready, as a part of what a fetch may take, and how
# long between two tries, in seconds.
_PATIENCE = 0.8
_PAUSE = 0.05
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

_OK, _BAD_REQUEST, _TOO_MANY = 200, 400, 429
_REFUSED = (401, 403)
_NOT_READY = ("not ready to serve", "serving not enabled")
_UNTOLD = "unexpected error"


class ExtensionSource:
    """Fetches from the extension or the agent, whichever listens.

    Args:
        settings: Timeouts, and how many connections are kept and how long.
        environ: Port and token; read anew for each fetch.
        clock: Tells how long a connection was idle.
        token_file: Where the agent's token is, if it was installed on this machine.
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
        """Whether it can be told to pass by its cache; the agent can."""

    def check(self, request: SecretRequest) -> None:  # noqa: ARG002  # of no request in particular
        """Refuse a port that is none, and a missing token."""
        self._endpoint()
        self._token()

    async def fetch(self, request: SecretRequest) -> SecretValue:
        """Fetch one value; wait for the extension to get ready, where it is not.

        Raises:
            SecretError: One of its subclasses, with a message that says what to do next.
            ConfigurationError: Nothing listens, or its token is another one.
        """
        outcome = await self._outcome(request)
        if isinstance(outcome, CoreBackendError):
            # Raised here, where no frame of its traceback has held the answer.
            raise outcome
        return outcome

    async def warm(self) -> None:
        """Do nothing: the extension does not serve while the function initializes."""

    async def aclose(self) -> None:
        """Close all connections. The source can be used again, on another loop too."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    async def _outcome(self, request: SecretRequest) -> SecretValue | CoreBackendError:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.timeout * _PATIENCE
        while True:
            outcome = await self._attempt(request)
            if outcome is not None:
                return outcome
            if loop.time() + _PAUSE >= end:
                return ConfigurationError(
                    f"secret {request.label!r}: the extension on {self._endpoint().authority} is "
                    f"not there, or not ready; see that its layer is part of the function (or the "
                    f"agent runs), and ask in the handler: while the module is being imported it "
                    f"does not serve"
                )
            await asyncio.sleep(_PAUSE)

    async def _attempt(self, request: SecretRequest) -> SecretValue | CoreBackendError | None:
        """Return what came of one try; ``None`` where it is not ready."""
        label = request.label
        try:
            response = await self._response(request)
        except Broken as broken:
            if not self._has_served:
                return None
            return SecretUnavailableError(
                f"secret {label!r}: {broken}. The extension failed, or has ended; try again later",
                secret_id=label,
            )
        except TooSlow as slow:
            return SecretTimeoutError(
                f"secret {label!r}: {slow}. The extension waits for Secrets Manager: a function "
                f"in a VPC needs a NAT gateway or an interface endpoint for it",
                secret_id=label,
            )
        if _says(response, *_NOT_READY):
            return None
        self._has_served = True
        return _refusal(request, response) or understand(request, response)

    async def _response(self, request: SecretRequest) -> Response:
        target = _target(request)
        if not (request.fresh and self._can_refresh):
            return await self._get(target)
        response = await self._get(f"{target}&refreshNow=true")
        if response.status != _BAD_REQUEST or _says(response, *_NOT_READY):
            return response
        # Refused for the secret, or for that parameter, which the extension may not know.
        plain = await self._get(target)
        self._can_refresh = plain.status != _OK
        return plain

    async def _get(self, target: str) -> Response:
        if self._pool is None:
            self._pool = Pool(self._settings, self._clock, self._environ)
        endpoint = self._endpoint()
        headers = {"host": endpoint.authority, _HEADER: self._token()}
        request = request_bytes("GET", target, headers, b"")
        return await self._pool.exchange(endpoint, lambda: request)

    def _endpoint(self) -> Endpoint:
        port = self._environ.get(_PORT) or _DEFAULT_PORT
        if not (port.isascii() and port.isdigit()) or int(port[:6]) not in range(1, 65_536):
            raise ConfigurationError(f"{_PORT} is {port!r:.40}; it must be a port, 1 to 65535")
        return Endpoint(tls=False, host="localhost", port=int(port))

    def _token(self) -> SecretText:
        name, token = self._found_token()
        if token.startswith("file://"):
            token = _read(token.removeprefix("file://"))
        if not token:
            raise ConfigurationError(
                f"there is no token to show the extension: {name} is not set, or its file cannot "
                f"be read (Lambda sets AWS_SESSION_TOKEN; for the Secrets Manager Agent elsewhere, "
                f"set AWS_TOKEN as it has it)"
            )
        if not can_be_header(token):
            raise ConfigurationError(f"the token in {name} has characters that no header may have")
        return token

    def _found_token(self) -> tuple[str, SecretText]:
        for name in _TOKENS:
            token = SecretText(self._environ.get(name, ""))
            if name != _TOKENS[0] and (installed := _read(self._token_file)):
                return self._token_file, installed
            if token:
                return name, token
        return "AWS_SESSION_TOKEN", SecretText()


def _target(request: SecretRequest) -> str:
    # The parameters are the API's, in another spelling.
    query = "&".join(
        f"{name[0].lower()}{name[1:]}={_quoted(value)}"
        for name, value in request.parameters().items()
    )
    return f"/secretsmanager/get?{query}"


def _quoted(text: str) -> str:
    # By hand: urllib.parse would cost a cold start more than this takes.
    return "".join(chr(x) if x in _UNRESERVED else f"%{x:02X}" for x in text.encode())


def _read(path: str) -> SecretText:
    try:
        # A few hundred bytes of memory: not worth a thread.
        with open(path, encoding="ascii") as file:  # noqa: PTH123  # as pathlib is slow to import
            return SecretText(file.read().strip())
    except (OSError, UnicodeError):
        return SecretText()


def _says(response: Response, *words: str) -> bool:
    text = response.body[:200].decode("ascii", "replace").lower()
    return response.status != _OK and any(word in text for word in words)


def _refusal(request: SecretRequest, response: Response) -> CoreBackendError | None:
    """Return the error for what is said without an error code."""
    label = request.label
    if response.body[:1] == b"{":
        return None
    if response.status in _REFUSED:
        return ConfigurationError(
            f"secret {label!r}: the extension refused the token it was shown; it has to be the one "
            f"it was started with: set AWS_TOKEN as it has it"
        )
    if response.status == _TOO_MANY:
        return SecretThrottledError(
            f"secret {label!r}: the extension has too many connections; lower max_connections",
            secret_id=label,
        )
    if _says(response, _UNTOLD):
        return SecretAccessDeniedError(
            f"secret {label!r}: the extension could not fetch it, and says why only in its own "
            f"log: most often access is denied, or there is no such secret",
            secret_id=label,
        )
    return None
