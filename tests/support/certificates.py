"""A certificate authority for one test run, and server certificates of every quality."""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import tempfile
import weakref
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

__all__ = ["Certificates", "certificate_facts", "name_hash"]

# The last part of each attribute's object identifier, 2.5.4.*. Source: X.520.
_ATTRIBUTES = {
    "commonName": 3,
    "countryName": 6,
    "localityName": 7,
    "stateOrProvinceName": 8,
    "organizationName": 10,
    "organizationalUnitName": 11,
}


class Certificates:
    """One authority, whose certificate is a file for as long as this object lives."""

    def __init__(self, *, key_type: trustme.KeyType = trustme.KeyType.ECDSA) -> None:
        self._key_type = key_type
        self._authority = trustme.CA(key_type=key_type)
        folder = tempfile.mkdtemp(prefix="certificates-")
        weakref.finalize(self, _remove, folder, os.getpid())
        written = Path(folder) / "ca.pem"
        self._authority.cert_pem.write_to_path(str(written))
        subject = certificate_facts(written)["subject"]
        self.ca_file = str(written.rename(Path(folder) / f"{name_hash(subject):08x}.0"))
        """What a client has to trust, as ``AWS_CA_BUNDLE`` wants it, and OpenSSL in a folder."""

    def expired_root(self) -> bytes:
        """Return this authority's certificate, as PEM, with the same key, but expired yesterday."""
        ours = x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            ours.issuer, ours.subject, ours.public_key(), ours.serial_number
        )
        builder = builder.not_valid_before(now - timedelta(days=30))
        builder = builder.not_valid_after(now - timedelta(days=1))
        for extension in ours.extensions:
            builder = builder.add_extension(extension.value, critical=extension.critical)
        key = serialization.load_pem_private_key(
            self._authority.private_key_pem.bytes(), password=None
        )
        signed = builder.sign(key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

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


def certificate_facts(file: Path) -> dict[str, Any]:
    """Return what OpenSSL reads in one certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    [certificate] = context.get_ca_certs()
    return certificate


def name_hash(subject: Any) -> int:
    """Hash a name as OpenSSL does for its folders: each part in lower case, as UTF-8."""
    parts = b""
    for [(kind, value)] in subject:
        text = " ".join(value.lower().split()).encode()
        pair = bytes([6, 3, 0x55, 4, _ATTRIBUTES[kind], 12, len(text)]) + text
        sequence = bytes([0x30, len(pair)]) + pair
        parts += bytes([0x31, len(sequence)]) + sequence
    return int.from_bytes(hashlib.sha1(parts).digest()[:4], "little")
