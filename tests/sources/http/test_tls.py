"""Whom a connection trusts."""

from __future__ import annotations

import re
import ssl
import time
from pathlib import Path

import certifi
import pytest
from support.certificates import Certificates, certificate_facts, name_hash
from support.processes import no_descriptors

from core_backend.errors import ConfigurationError
from core_backend.sources.http.tls import ROOTS, Trust

CERTIFI = Path(certifi.where()).read_bytes()
FILES = sorted(Path(ROOTS).iterdir())


def certificates(pem):
    return re.findall(
        rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", pem, flags=re.DOTALL
    )


def test_each_shipped_root_is_one_that_mozilla_trusts():
    shipped = [root for file in FILES for root in certificates(file.read_bytes())]
    trusted = {ssl.PEM_cert_to_DER_cert(pem.decode()) for pem in certificates(CERTIFI)}
    assert [ssl.PEM_cert_to_DER_cert(root.decode()) in trusted for root in shipped] == [True] * 5


def test_they_are_all_of_amazons_and_no_others():
    subjects = [certificate_facts(file)["subject"] for file in FILES]
    names = {dict(part for [part] in subject)["commonName"] for subject in subjects}
    assert names == {
        *(f"Amazon Root CA {number}" for number in (1, 2, 3, 4)),
        "Starfield Services Root Certificate Authority - G2",
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_has_the_name_that_openssl_looks_for(file):
    certificate = certificate_facts(file)
    assert file.name == f"{name_hash(certificate['subject']):08x}.0"


def assert_years_to_go(file, now):
    """Fail a year before a root expires, so that there is time to ship another."""
    end = ssl.cert_time_to_seconds(certificate_facts(file)["notAfter"])
    assert end - now > 366 * 86_400, (
        f"{file.name} expires in {(end - now) / 86_400:.0f} days; docs/security/own-code.md says "
        f"how to refresh it"
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_root_expires_within_a_year(file):
    assert_years_to_go(file, time.time())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_root_that_expires_in_less_than_a_year_would_be_noticed(file):
    end = ssl.cert_time_to_seconds(certificate_facts(file)["notAfter"])
    assert_years_to_go(file, end - 367 * 86_400)
    with pytest.raises(AssertionError, match="expires in 365 days"):
        assert_years_to_go(file, end - 365 * 86_400)


def test_every_context_verifies_and_checks_the_name_and_starts_at_tls_1_2(monkeypatch):
    authority = Certificates()
    monkeypatch.setenv("SSL_CERT_FILE", authority.ca_file)
    trust = Trust({})
    shipped = trust.context()
    system = trust.after(shipped)
    bundled = Trust({"AWS_CA_BUNDLE": authority.ca_file}).context()
    for context in (shipped, system, bundled):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(system.get_ca_certs()) == len(bundled.get_ca_certs()) == 1


def test_the_systems_are_loaded_once_and_used_from_then_on():
    trust = Trust({})
    first = trust.context()
    assert trust.context() is first
    second = trust.after(first)
    assert second is not first
    assert trust.context() is second
    # Another connection that had begun with the first gets the same.
    assert trust.after(first) is second
    assert trust.after(second) is None


def test_a_bundle_is_trusted_alone_be_it_a_file_or_a_folder():
    authority = Certificates()
    for path in (authority.ca_file, ROOTS):
        trust = Trust({"AWS_CA_BUNDLE": path})
        assert trust.after(trust.context()) is None


@pytest.mark.parametrize("setting", [{}, {"AWS_CA_BUNDLE": ROOTS}])
def test_a_lack_of_descriptors_makes_nobody_untrusted(setting):
    trust = Trust(setting)
    first = trust.context()
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        trust.after(first)
    assert trust.context() is first


def test_a_bundle_is_not_to_blame_when_no_descriptor_is_left():
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        Trust({"AWS_CA_BUNDLE": str(FILES[0])}).context()


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_a_bundle_that_cannot_be_loaded_is_named(tmp_path, content):
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="AWS_CA_BUNDLE is .*bundle.pem"):
        Trust({"AWS_CA_BUNDLE": str(path)}).context()
