"""A Secrets Manager of our own on loopback, over TLS, that fails as it is told to.

In a test::

    with SecretService({"db": "pl4nted-1"}) as service:
        service.script(throttled, None)
        ...  # a client given service.environ
        assert len(service.calls) == 2

It runs in a thread with an event loop of its own, so it can be used from sync and async tests and
from any number of loops. ``python -m support.secret_service`` is the same in a process of its own.
"""

from __future__ import annotations

import asyncio
import collections
import json
from typing import TYPE_CHECKING

from support.certificates import Certificates
from support.exchange import Call, Exchange, parameters_of, read_request
from support.faults import AtConnect
from support.server import Server
from support.vault import Refusal, Vault

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from support.exchange import HttpRequest
    from support.faults import Fault

__all__ = ["REGION", "SecretService"]

REGION = "eu-central-1"


class SecretService(Server):
    """A running service.

    Args:
        secrets: What it holds at first.
        latency: How long each proper answer takes, in seconds. May be set at any time.
        keys: Access keys that are known, with their secret keys. Others are refused.
        verify: Whether signatures are checked (which imports botocore).
        tls: A server context other than a good one.
        certificates: Whose authority signs the server's certificate; by default one of its own.
        host: The address that it listens on.
    """

    def __init__(  # noqa: PLR0913  # a service has many properties
        self,
        secrets: Mapping[str, str | bytes] | None = None,
        *,
        latency: float = 0.0,
        keys: Mapping[str, str] | None = None,
        verify: bool = False,
        tls: ssl.SSLContext | None = None,
        certificates: Certificates | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._certificates = certificates or Certificates()
        super().__init__(tls or self._certificates.server_context(), host)
        self.vault = Vault(REGION)
        """The secrets, to be changed at any time."""
        self.put = self.vault.put
        for name, value in (secrets or {}).items():
            self.put(name, value)
        self.latency = latency
        self.keys = dict(keys or {"AKIDEXAMPLE": "pl4nted-secret-access-key"})
        self.calls: list[Call] = []
        """Every request, in the order of arrival, refused ones included."""
        self._verify = verify
        self._script: collections.deque[Fault | AtConnect | None] = collections.deque()
        self._always: Fault | AtConnect | None = None

    @property
    def environ(self) -> dict[str, str]:
        """The environment that leads any AWS client here, with credentials that are good."""
        key, secret = next(iter(self.keys.items()))
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": "pl4nted-session-token",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"https://127.0.0.1:{self.port}",
            "AWS_CA_BUNDLE": self._certificates.ca_file,
        }

    def script(self, *faults: Fault | AtConnect | None) -> None:
        """Append to the script: one entry a request (or connection); ``None`` serves properly."""
        self._script.extend(faults)

    def always(self, fault: Fault | AtConnect | None) -> None:
        """Let every request (or connection) that the script says nothing about go wrong so."""
        self._always = fault

    def forget(self) -> None:
        """Empty the script and the log, and count connections from those open now."""
        self._script.clear()
        self._always = None
        self.calls.clear()
        self.most_open = self.open_connections

    def wait_for_calls(self, count: int) -> None:
        """Block until ``count`` requests have arrived in all."""
        self._wait_until(
            lambda: len(self.calls) >= count, lambda: f"{len(self.calls)} calls, not {count}"
        )

    async def arrived(self, count: int) -> None:
        """Wait until ``count`` requests have arrived in all, without blocking the loop."""
        await asyncio.to_thread(self.wait_for_calls, count)

    # --- on its own loop --------------------------------------------------------------------

    def fault_at_connect(self) -> AtConnect | None:
        """Return what the script has for a connection, which may be nothing."""
        fault = self._next_fault(at_connect=True)
        return fault if isinstance(fault, AtConnect) else None

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        """Answer requests as the script says."""
        nth = 0
        while (request := await read_request(reader)) is not None:
            nth += 1
            call = Call.of(request, number, nth)
            exchange = Exchange(reader, writer, *self._judge(request, call))
            fault = self._next_fault(at_connect=False)
            with self._changed:
                self.calls.append(call)
                exchange.number = len(self.calls)
                self._changed.notify_all()
            if callable(fault):
                await fault(exchange)
            else:
                if self.latency:
                    await asyncio.sleep(self.latency)
                await exchange.serve()
            if not exchange.open:
                return

    def _next_fault(self, *, at_connect: bool) -> Fault | AtConnect | None:
        """Return what the script has for this occasion; what it has for the other one stays."""
        if self._script:
            if isinstance(self._script[0], AtConnect) == at_connect:
                return self._script.popleft()
        elif isinstance(self._always, AtConnect) == at_connect:
            return self._always
        return None

    def _judge(self, request: HttpRequest, call: Call) -> tuple[int, bytes]:
        try:
            self._check_credentials(request, call)
            return 200, json.dumps(
                self.vault.answer(call.operation, parameters_of(request))
            ).encode()
        except Refusal as refusal:
            told = {"__type": refusal.code, "Message": refusal.message}
            return refusal.status, json.dumps(told).encode()

    def _check_credentials(self, request: HttpRequest, call: Call) -> None:
        if call.access_key not in self.keys or call.scope is None:
            raise Refusal(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )
        if self._verify:
            from support.signatures import signature_holds  # noqa: PLC0415  # imports botocore

            if not signature_holds(request, self.keys[call.access_key], call.scope):
                raise Refusal(
                    "InvalidSignatureException",
                    "The request signature we calculated does not match the signature you "
                    "provided.",
                )


if __name__ == "__main__":
    from support.secret_service_process import main

    main()
