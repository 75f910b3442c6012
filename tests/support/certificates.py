"""A certificate authority for one test run, and server certificates of every quality."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
import weakref
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

__all__ = ["Certificates"]


class Certificates:
    """One authority, whose certificate is a file for as long as this object lives."""

    def __init__(self, *, key_type: trustme.KeyType = trustme.KeyType.ECDSA) -> None:
        self._key_type = key_type
        self._authority = trustme.CA(key_type=key_type)
        folder = tempfile.mkdtemp(prefix="certificates-")
        weakref.finalize(self, _remove, folder, os.getpid())
        self.ca_file = str(Path(folder) / "ca.pem")
        """What a client has to trust, as ``AWS_CA_BUNDLE`` wants it."""
        self._authority.cert_pem.write_to_path(self.ca_file)

    def server_context(
        self, *names: str, expired: bool = False, trusted: bool = True
    ) -> ssl.SSLContext:
        """Return a server's TLS settings, with a certificate for ``names``.

        Args:
            names: Host names and addresses; without any, those of this machine's loopback.
            expired: Whether the certificate ran out yesterday.
            trusted: Whether this authority signed it, and not one that nobody knows.
        """
        authority = self._authority if trusted else trustme.CA(key_type=self._key_type)
        now = datetime.now(UTC)
        certificate = authority.issue_cert(
            *(names or ("localhost", "127.0.0.1", "::1")),
            not_before=now - timedelta(days=30) if expired else None,
            not_after=now - timedelta(days=1) if expired else None,
            key_type=self._key_type,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context


def _remove(folder: str, pid: int) -> None:
    # A forked child has a copy of the object, but not of the folder.
    if pid == os.getpid():
        shutil.rmtree(folder)
