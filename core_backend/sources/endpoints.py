"""Which endpoint serves a secret, and which environments only the AWS SDK can serve.

Source: AWS SDKs and tools reference guide, "Service-specific endpoints", "AWS Region", "Dual-stack
and FIPS endpoints", "Shared config and credentials files". Partitions and hosts are those of
botocore's endpoint rules, and a test compares them for every Region.
"""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError
from core_backend.sources import NO_DESCRIPTOR

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Endpoint",
    "Endpoints",
    "configured_region",
    "is_loopback",
    "is_secure",
    "region_of_arn",
    "split_url",
]

# The start of a Region's name, and its partition.
_PARTITIONS = {
    **dict.fromkeys(("af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"), "aws"),
    "cn": "aws-cn",
    "eu-isoe": "aws-iso-e",
    "eusc-de": "aws-eusc",
    "us-gov": "aws-us-gov",
    "us-iso": "aws-iso",
    "us-isob": "aws-iso-b",
    "us-isof": "aws-iso-f",
}
# The end of a partition's host names, without and with dual-stack.
_SUFFIXES = {
    "aws": ("amazonaws.com", "amazonaws.com"),
    "aws-cn": ("amazonaws.com.cn", "amazonaws.com.cn"),
    "aws-eusc": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "aws-iso": ("c2s.ic.gov", "api.aws.ic.gov"),
    "aws-iso-b": ("sc2s.sgov.gov", "api.aws.scloud"),
    "aws-iso-e": ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    "aws-iso-f": ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    "aws-us-gov": ("amazonaws.com", "amazonaws.com"),
}
# Only in China does FIPS together with dual-stack lead to another name than dual-stack alone.
_CHINA_FIPS_DUAL_STACK = "api.amazonwebservices.com.cn"

_URL = r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(/[!-~]*)?"
_ARN_PARTS = 6


class Endpoint:
    """The host and port that a connection leads to."""

    # Not a NamedTuple: making one takes longer than importing the rest of this module.
    __slots__ = ("host", "port", "tls")

    def __init__(self, host: str, port: int, *, tls: bool) -> None:
        self.host = host
        self.port = port
        self.tls = tls

    def __eq__(self, other: object) -> bool:
        """Return whether both lead to the same server in the same way."""
        return isinstance(other, Endpoint) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, int, bool]:
        return self.host, self.port, self.tls

    @property
    def authority(self) -> str:
        """The text of the Host header. It has the port only if that is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


class Endpoints:
    """The endpoints that this environment leads to.

    Args:
        environ: Read again at each call.
        insecure_host: A host that may be reached over plain http; empty for none.

    Raises:
        ConfigurationError: The AWS config file cannot be read or parsed. It is read once, here.
        OSError: No file descriptor is left to read it.
    """

    def __init__(self, environ: Mapping[str, str], insecure_host: str = "") -> None:
        self._environ = environ
        self._insecure_host = insecure_host
        self._profile = _default_profile(environ)

    def find(self, secret_id: str) -> tuple[Endpoint, str]:
        """Return the endpoint for a secret, and the Region to sign for.

        The Region of a full ARN wins over the environment's.

        Raises:
            ConfigurationError: There is no Region or an unknown one, or the configured endpoint
                must not be used.
        """
        region, partition = region_of_arn(secret_id) or (configured_region(self._environ), None)
        if not region:
            raise ConfigurationError(
                "there is no Region: set AWS_REGION (Lambda does), or ask for the secret by its "
                "ARN; in a test, fake the secret (core_backend.testing.fake_secrets)"
            )
        own = _partition(region)
        if own is None or partition not in {None, own}:
            raise ConfigurationError(
                f"secret {secret_id!r:.120}: Region {region!r:.40} is unknown, or does not belong "
                f"to partition {partition or 'aws'!r:.40}; check the ARN and AWS_REGION, or set "
                f"CORE_BACKEND_SOURCE=sdk"
            )
        return self.custom() or Endpoint(self._host(region, own), 443, tls=True), region

    def custom(self) -> Endpoint | None:
        """Return the endpoint that the environment sets instead of AWS's own, if it does.

        Raises:
            ConfigurationError: It is not a URL, or would get the session token over plain http.
        """
        variable, url = self._endpoint_url()
        if not url:
            return None
        self.check_url(url, variable)
        return split_url(url, variable)[0]

    def check_url(self, url: str, origin: str) -> None:
        """Check that credentials may be sent to ``url``, which ``origin`` sets.

        Raises:
            ConfigurationError: It is not a URL, or leads to another machine over plain http.
        """
        endpoint, _ = split_url(url, origin)
        if not is_secure(endpoint, self._insecure_host):
            raise ConfigurationError(
                f"{origin} is {url!r:.120}: your session token would be sent there over plain "
                f"http. Use https, or an address of this machine (127.0.0.1, localhost). For a "
                f"stand-in such as LocalStack, set insecure_endpoint to {endpoint.host!r:.80}"
            )

    def needs_sdk(self) -> str | None:
        """Return the reason why only the AWS SDK can serve this environment, if there is one.

        Each has its cause: profiles, web identity, SSO and instance roles need further services
        to get credentials, proxies need CONNECT, and the SDK alone knows how the config file sets
        endpoints, and which Regions are newer than this package.
        """
        environ = self._environ
        for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            if environ.get(variable):
                return f"{variable} is set"
        region = configured_region(environ)
        if not region:
            return "neither AWS_REGION nor AWS_DEFAULT_REGION is set"
        partition = _partition(region)
        if partition is None:
            return f"Region {region!r:.40} is in no partition that the direct source knows"
        tls, host = True, self._host(region, partition)
        variable, url = self._endpoint_url()
        if match := re.fullmatch(_URL, url) if url else None:
            if match[4] not in {None, "/"}:
                return f"{variable} has a path"
            tls, host = match[1] == "https", match[2].strip("[]").lower()
        return (
            self._option_for_sdk(has_url=bool(url))
            or _proxy(environ, host, tls=tls)
            or _credentials(environ)
        )

    def _host(self, region: str, partition: str) -> str:
        fips = self._is_on("AWS_USE_FIPS_ENDPOINT")
        dual_stack = self._is_on("AWS_USE_DUALSTACK_ENDPOINT")
        suffix = _SUFFIXES[partition][dual_stack]
        if fips and dual_stack and partition == "aws-cn":
            suffix = _CHINA_FIPS_DUAL_STACK
        return f"secretsmanager{'-fips' * fips}.{region}.{suffix}"

    def _endpoint_url(self) -> tuple[str, str]:
        if not self._is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
            for variable in ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"):
                if url := self._environ.get(variable, ""):
                    return variable, url
        return "", ""

    def _option_for_sdk(self, *, has_url: bool) -> str | None:
        ignored = has_url or self._is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        options = () if ignored else ("endpoint_url", "services")
        if not self._environ.get("AWS_CA_BUNDLE"):
            options = (*options, "ca_bundle")
        for option in options:
            if option in self._profile:
                return f"the AWS config file sets {option}"
        return None

    def _is_on(self, variable: str) -> bool:
        """Return whether a variable is "true", or else the option of that name in the profile."""
        option = variable.removeprefix("AWS_").lower()
        text = self._environ.get(variable, self._profile.get(option, ""))
        return text.strip().lower() == "true"


def configured_region(environ: Mapping[str, str]) -> str:
    """Return the Region that the environment names; empty if it names none.

    Every source uses this, because botocore by itself knows AWS_DEFAULT_REGION alone.
    """
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


def region_of_arn(secret_id: str) -> tuple[str, str] | None:
    """Return Region and partition of a secret's ARN; ``None`` for a name.

    Raises:
        ConfigurationError: It is an ARN, but not that of a secret.
    """
    # A name cannot have a colon.
    parts = secret_id.split(":", _ARN_PARTS)
    if parts[0] != "arn":
        return None
    if len(parts) <= _ARN_PARTS or parts[2] != "secretsmanager":
        raise ConfigurationError(
            f"{secret_id!r:.120} is not the ARN of a secret, which has the form "
            f"arn:aws:secretsmanager:region:account:secret:name-XXXXXX"
        )
    return parts[3], parts[1]


def split_url(url: str, variable: str) -> tuple[Endpoint, str]:
    """Return the endpoint of a URL, and the path to request there.

    Raises:
        ConfigurationError: It is not an http or https URL, or has a user or a password.
    """
    match = re.fullmatch(_URL, url)
    if match is None or int(match[3] or "1") not in range(1, 65_536):
        raise ConfigurationError(
            f"{variable} is not a usable URL: it must be https://host or https://host:port, "
            f"without a user, a password or spaces"
        )
    tls = match[1] == "https"
    port = int(match[3]) if match[3] else 443 if tls else 80
    return Endpoint(match[2].strip("[]").lower(), port, tls=tls), match[4] or "/"


def is_secure(endpoint: Endpoint, insecure_host: str = "") -> bool:
    """Return whether credentials may be sent: over https, within this machine, or by exception."""
    return endpoint.tls or is_loopback(endpoint.host) or endpoint.host == insecure_host


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine by its very name, whatever a resolver says."""
    if host in {"localhost", "::1"}:
        return True
    try:
        return socket.inet_pton(socket.AF_INET, host)[0] == 127  # noqa: PLR2004  # 127.0.0.0/8
    except OSError:
        return False


def _partition(region: str) -> str | None:
    parts = region.split("-")
    *areas, place, number = parts if len(parts) > 2 else ("", "", "")  # noqa: PLR2004  # a-b-1
    if not (region.isascii() and region.islower() and place.isalpha() and number.isdigit()):
        return None
    return _PARTITIONS.get("-".join(areas))


def _default_profile(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the options of the default profile in the AWS config file; empty without a file."""
    path = environ.get("AWS_CONFIG_FILE", "~/.aws/config")
    path = os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111  # pathlib costs 3 ms
    if not os.path.isfile(path):  # noqa: PTH113  # the same
        return {}
    # Imported here, because Lambda has no such file.
    import configparser  # noqa: PLC0415

    parser = configparser.RawConfigParser()
    try:
        # Not parser.read, which skips a file that it cannot open, and a demand for FIPS with it.
        with open(path) as file:  # noqa: PTH123  # pathlib costs 3 ms
            parser.read_file(file)
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        if getattr(error, "errno", None) in NO_DESCRIPTOR:
            raise
        failed = "read" if isinstance(error, OSError) else "parsed"
        raise ConfigurationError(
            f"the AWS config file {path!r} cannot be {failed} ({type(error).__name__}); correct "
            f"it, or set AWS_CONFIG_FILE to another file"
        ) from None
    names = [name for name in parser.sections() if _is_default(name)]
    return dict(parser.items(names[-1])) if names else {}


def _is_default(section: str) -> bool:
    return section.translate({ord(quote): None for quote in "\"'"}).split() in (
        ["default"],
        ["profile", "default"],
    )


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
