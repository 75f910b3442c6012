"""Which certificates a connection trusts.

Loading a system's full bundle of certificates takes about 25 ms of a cold start, and the endpoints
of AWS chain to five roots. Those are package data, in a folder where OpenSSL finds a root by the
hash of its name, so that a handshake reads the one root that it needs. If they do not verify a
server, the system's bundle is loaded once and replaces them.

Source of the certificates: Amazon Trust Services repository, https://www.amazontrust.com/repository/
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError
from core_backend.sources import NO_DESCRIPTOR

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ROOTS", "Trust"]

ROOTS = os.path.join(os.path.dirname(__file__), "roots")  # noqa: PTH118, PTH120  # pathlib: 3 ms
"""The folder of the shipped roots."""


class Trust:
    """The TLS settings in force: certificate and host name verified, TLS 1.2 or later.

    Sessions are not resumed: reading one out of a connection takes Python as long as it saves.

    Args:
        environ: If it sets ``AWS_CA_BUNDLE``, that file alone is trusted, as in the SDKs.
            ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` may set the system's bundle.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._bundle = environ.get("AWS_CA_BUNDLE", "")
        self._context: ssl.SSLContext | None = None
        self._is_last = bool(self._bundle)
        self.agreed: str | None = None
        """What ``start_tls`` returned for the newest connection; ``None`` before the first."""

    def context(self) -> ssl.SSLContext:
        """Return the settings to connect with.

        Raises:
            ConfigurationError: ``AWS_CA_BUNDLE`` cannot be read.
            OSError: No file descriptor is left to read it.
        """
        if self._context is None:
            self._context = _trust_bundle(self._bundle) if self._bundle else _trust_shipped_roots()
        return self._context

    def after(self, failed: ssl.SSLContext) -> ssl.SSLContext | None:
        """Return the settings to try once ``failed`` did not verify a server; ``None`` for no more.

        They are used from then on.

        Raises:
            OSError: No file descriptor is left. That may be why ``failed`` did not verify it.
        """
        if failed is self._context:
            system = None if self._is_last else _trust_system()
            _check_descriptors()
            if system is None:
                return None
            self._context = system
            self._is_last = True
        return self._context


def _check_descriptors() -> None:
    # OpenSSL takes certificates that it has no descriptor to read for certificates that are not
    # there. Without this check, none would be trusted until the process ends.
    os.close(os.open(os.devnull, os.O_RDONLY))


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trust_shipped_roots() -> ssl.SSLContext:
    context = _new_context()
    context.load_verify_locations(capath=ROOTS)
    return context


def _trust_system() -> ssl.SSLContext:
    context = _new_context()
    context.load_default_certs()
    return context


def _trust_bundle(path: str) -> ssl.SSLContext:
    context = _new_context()
    folder = os.path.isdir(path)  # noqa: PTH112  # pathlib costs a cold start 3 ms
    try:
        context.load_verify_locations(*(None, path) if folder else (path,))
    except OSError as error:
        if error.errno in NO_DESCRIPTOR:
            raise
        # ssl.SSLError, which an unreadable certificate raises, is an OSError too.
        raise ConfigurationError(
            f"AWS_CA_BUNDLE is {path!r}, which cannot be loaded as certificates "
            f"({error.strerror or type(error).__name__}); point it at a PEM file, or unset it to "
            f"trust Amazon's and the system's"
        ) from None
    return context
