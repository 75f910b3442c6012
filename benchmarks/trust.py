"""Whom the libraries trust: on Lambda Amazon's authorities, here the service's own besides.

An SDK loads all that its bundle holds, on Lambda and here. core_backend looks up the one that it
needs in the folder it ships. With nothing but the service's certificate in a bundle, the SDKs would
be spared some 25 ms of a cold start, which nobody is spared on Lambda.
"""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["trusting"]


def trusting(authority: Path, folder: Path) -> dict[str, str]:
    """Return the environment in which every library trusts ``authority`` as it trusts Amazon's.

    Args:
        authority: The service's certificate, in a file named as OpenSSL looks it up.
        folder: Where to write what they read.
    """
    bundle = folder / "bundle.pem"
    bundle.write_bytes(_public_authorities() + authority.read_bytes())
    roots = folder / "roots"
    shutil.copytree(_package("core_backend") / "sources" / "http" / "roots", roots)
    shutil.copy(authority, roots)
    return {"AWS_CA_BUNDLE": str(bundle), "SERVICE_ROOTS": str(roots)}


def _public_authorities() -> bytes:
    # What botocore itself loads, where it is told nothing.
    for package in ("certifi", "botocore"):
        if find_spec(package):
            return (_package(package) / "cacert.pem").read_bytes()
    print("there is no bundle of certificates for the SDKs to load", file=sys.stderr)
    return b""


def _package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None  # it is installed
    assert spec.origin is not None  # with an __init__.py
    return Path(spec.origin).parent
