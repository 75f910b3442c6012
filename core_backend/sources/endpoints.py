"""Which endpoint a secret is asked for at, and what only the AWS SDK can do.

Source: AWS SDKs and tools reference guide, "Service-specific endpoints", "AWS Region", "Dual-stack
and FIPS endpoints"; the partitions are botocore's, and a test holds them to that.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Endpoint",
    "configured_endpoint",
    "configured_region",
    "endpoint_for",
    "is_loopback",
    "needs_sdk",
    "split_url",
]

_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
}
_AREAS = frozenset({"af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"})
_URL = r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(/[!-~]*)?"
_ARN_PARTS = 6


class Endpoint:
    """Where a connection leads."""

    # Not a NamedTuple, whose making takes longer than importing the rest of this module.
    __slots__ = ("host", "port", "tls")

    def __init__(self, host: str, port: int, *, tls: bool) -> None:
        self.host = host
        self.port = port
        self.tls = tls

    def __eq__(self, other: object) -> bool:
        """Whether a connection to the other leads to the same."""
        return isinstance(other, Endpoint) and self._key == other._key

    def __hash__(self) -> int:
        """Of what makes it equal."""
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, int, bool]:
        return self.host, self.port, self.tls

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def endpoint_for(secret_id: str, environ: Mapping[str, str]) -> tuple[Endpoint, str]:
    """Return where a secret is asked for, and the Region to sign for.

    The Region out of a full ARN wins over the environment's.

    Raises:
        ConfigurationError: There is no Region, or none that is known here; or the endpoint that
            is configured is one that nothing may be sent to.
    """
    region, partition = _region_of_arn(secret_id) or (configured_region(environ), None)
    if not region:
        raise ConfigurationError(
            "there is no Region: set AWS_REGION (Lambda does), or ask for the secret by its ARN; "
            "in a test, fake the secret (core_backend.testing.fake_secrets)"
        )
    own = _partition(region)
    if own is None or partition not in {None, own}:
        raise ConfigurationError(
            f"secret {secret_id!r:.120}: Region {region!r:.40} does not belong to partition "
            f"{partition or 'aws'!r:.40}, or to none that is known here; check the ARN and "
            f"AWS_REGION, or set CORE_BACKEND_SOURCE=sdk"
        )
    configured = configured_endpoint(environ)
    return configured or Endpoint(
        f"secretsmanager.{region}.{_SUFFIXES[own]}", 443, tls=True
    ), region


def configured_endpoint(environ: Mapping[str, str]) -> Endpoint | None:
    """Return the endpoint that the environment puts in place of AWS's own, if any.

    Raises:
        ConfigurationError: It is no URL, or would be sent the session token in the clear.
    """
    variable, url = _endpoint_url(environ)
    if not url:
        return None
    endpoint, _ = split_url(url, variable)
    if not endpoint.tls and not is_loopback(endpoint.host):
        raise ConfigurationError(
            f"{variable} is {url!r:.120}: over plain http it would be sent your credentials' "
            f"session token. Use https, or an address of this machine (127.0.0.1, localhost)"
        )
    return endpoint


def configured_region(environ: Mapping[str, str]) -> str:
    """Return the Region that the environment names, nothing where it names none.

    For every source: botocore, left to itself, knows AWS_DEFAULT_REGION alone.
    """
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


def needs_sdk(environ: Mapping[str, str]) -> str | None:
    """Return what about this environment only the AWS SDK can do; ``None`` where nothing is."""
    for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        if environ.get(variable):
            return f"{variable} is set"
    for variable in ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"):
        if _is_true(environ.get(variable, "")):
            return f"{variable} is set"
    region = configured_region(environ)
    if not region:
        return "neither AWS_REGION nor AWS_DEFAULT_REGION is set"
    partition = _partition(region)
    if partition is None:
        return f"Region {region!r:.40} is in no partition that the direct source knows"
    tls, host = True, f"secretsmanager.{region}.{_SUFFIXES[partition]}"
    variable, url = _endpoint_url(environ)
    if match := re.fullmatch(_URL, url) if url else None:
        if match[4] not in {None, "/"}:
            return f"{variable} has a path"
        tls, host = match[1] == "https", match[2].strip("[]").lower()
    return _proxy(environ, host, tls=tls) or _credentials(environ)


def split_url(url: str, variable: str) -> tuple[Endpoint, str]:
    """Return where a URL leads, and what is to be asked for there.

    Raises:
        ConfigurationError: It is no http or https URL, or one with a user or a password.
    """
    match = re.fullmatch(_URL, url)
    if match is None or int(match[3] or "1") not in range(1, 65_536):
        raise ConfigurationError(
            f"{variable} is no URL that can be used: it must be https://host, with a port where "
            f"there is one, and without a user, a password or spaces"
        )
    tls = match[1] == "https"
    port = int(match[3]) if match[3] else 443 if tls else 80
    return Endpoint(match[2].strip("[]").lower(), port, tls=tls), match[4] or "/"


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine by its very name, whatever a resolver says."""
    if host in {"localhost", "::1"}:
        return True
    try:
        return socket.inet_pton(socket.AF_INET, host)[0] == 127  # noqa: PLR2004  # 127.0.0.0/8
    except OSError:
        return False


def _endpoint_url(environ: Mapping[str, str]) -> tuple[str, str]:
    if not _is_true(environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "")):
        for variable in ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"):
            if url := environ.get(variable, ""):
                return variable, url
    return "", ""


def _region_of_arn(secret_id: str) -> tuple[str, str] | None:
    # A name has no colon, so this can be nothing but an ARN.
    parts = secret_id.split(":", _ARN_PARTS)
    if parts[0] != "arn":
        return None
    if len(parts) <= _ARN_PARTS or parts[2] != "secretsmanager":
        raise ConfigurationError(
            f"{secret_id!r:.120} is no ARN of a secret; it reads "
            f"arn:aws:secretsmanager:region:account:secret:name-XXXXXX"
        )
    return parts[3], parts[1]


def _partition(region: str) -> str | None:
    parts = region.split("-")
    *areas, place, number = parts if len(parts) > 2 else ("", "", "")  # noqa: PLR2004  # a-b-1
    if not (region.isascii() and region.islower() and place.isalpha() and number.isdigit()):
        return None
    area = "-".join(areas)
    if area in _AREAS:
        return "aws"
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(area)


def _proxy(environ: Mapping[str, str], host: str, *, tls: bool) -> str | None:
    name = "https_proxy" if tls else "http_proxy"
    variable = name if environ.get(name) else name.upper()
    if not environ.get(variable) or is_loopback(host):
        return None
    exempt = (environ.get("no_proxy") or environ.get("NO_PROXY") or "").lower().split(",")
    for entry in (entry.strip().removeprefix(".") for entry in exempt):
        if entry == "*" or (entry and f".{host}".endswith(f".{entry}")):
            return None
    return f"{variable} is set, and NO_PROXY does not exempt {host}"


def _credentials(environ: Mapping[str, str]) -> str | None:
    if environ.get("AWS_ACCESS_KEY_ID") or environ.get("AWS_SECRET_ACCESS_KEY"):
        return None
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return "AWS_WEB_IDENTITY_TOKEN_FILE is set"
    relative, full = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    if environ.get(relative) or environ.get(full):
        return None
    return "there are no credentials in the environment"


def _is_true(text: str) -> bool:
    return text.strip().lower() == "true"
