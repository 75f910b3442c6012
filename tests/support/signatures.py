"""Whether a request is signed as AWS demands, judged by botocore's signer and not by ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from support.exchange import HttpRequest

__all__ = ["signature_holds"]


def signature_holds(request: HttpRequest, secret_key: str, scope: str) -> bool:
    """Return whether the request's signature was made with ``secret_key``, in ``scope``."""
    _, region, service, _ = scope.split("/")
    fields = dict(
        part.strip().partition("=")[::2]
        for part in request.headers["authorization"].partition(" ")[2].split(",")
    )
    signed = fields["SignedHeaders"].split(";")
    copy = AWSRequest(
        method=request.method,
        url=f"https://{request.headers['host']}{request.path}",
        headers={name: request.headers[name] for name in signed},
        data=request.body,
    )
    copy.context["timestamp"] = request.headers["x-amz-date"]
    auth = SigV4Auth(Credentials("unused", secret_key), service, region)
    to_sign = auth.string_to_sign(copy, auth.canonical_request(copy))
    return auth.signature(to_sign, copy) == fields["Signature"]
