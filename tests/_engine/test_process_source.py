"""Which source serves, and why."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from core_backend._configuration import Settings
from core_backend._engine.process import choose_source
from core_backend.errors import ConfigurationError
from core_backend.sources import SecretRequest
from core_backend.sources.direct import DirectSource
from core_backend.sources.extension import ExtensionSource
from core_backend.sources.sdk import SdkSource
from core_backend.testing.clock import FakeClock

LAMBDA = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "A",
    "AWS_SECRET_ACCESS_KEY": "pl4nted",
}


@pytest.fixture
def environ(monkeypatch):
    for name in list(os.environ):
        if name.startswith("AWS_") or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    for name, value in LAMBDA.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def choose(source="auto"):
    return choose_source(Settings(source=source), FakeClock())


def test_lambda_is_served_directly(environ):
    source, name, reason = choose()
    assert isinstance(source, DirectSource)
    assert (name, reason) == ("direct", "it starts fastest, and the environment needs nothing else")
    assert choose("direct")[1:] == ("direct", "the setting source says so")


def test_the_sdk_serves_where_it_is_needed_or_asked_for(environ):
    source, name, reason = choose("sdk")
    assert isinstance(source, SdkSource)
    assert (name, reason) == ("sdk", "the setting source says so")
    environ.setenv("AWS_PROFILE", "dev")
    source, name, reason = choose()
    assert isinstance(source, SdkSource)
    assert (name, reason) == ("sdk", "AWS_PROFILE is set")


def test_fips_in_the_config_file_is_served_directly(environ, tmp_path):
    (tmp_path / "config").write_text("[default]\nuse_fips_endpoint = true\n")
    environ.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    source, name, _ = choose()
    assert name == "direct"
    endpoint, _ = source._endpoints.find("db")
    assert endpoint.host == "secretsmanager-fips.eu-central-1.amazonaws.com"


def test_insisting_on_the_direct_source_names_what_it_cannot_do(environ):
    environ.setenv("AWS_PROFILE", "dev")
    with pytest.raises(ConfigurationError, match="is 'direct', but AWS_PROFILE is set, which only"):
        choose("direct")


@pytest.mark.parametrize("source", ["auto", "direct", "sdk"])
def test_an_endpoint_in_the_clear_is_refused_by_all(environ, source):
    environ.setenv("AWS_ENDPOINT_URL", "http://10.0.0.1")
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL .* plain http"):
        choose(source)


@pytest.mark.parametrize("source", ["auto", "direct", "sdk"])
def test_the_one_host_that_the_setting_names_is_allowed_with_one_warning(environ, caplog, source):
    environ.setenv("AWS_ENDPOINT_URL", "http://localstack:4566")
    settings = Settings(source=source, insecure_endpoint="localstack")
    chosen, _, _ = choose_source(settings, FakeClock())
    chosen.check(SecretRequest("db"))
    [warned] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warned.getMessage() == (
        "credentials go to localstack:4566 over plain http, because the setting insecure_endpoint "
        "allows it: use that for stand-ins only"
    )
    environ.setenv("AWS_ENDPOINT_URL", "http://localstack.example:4566")
    with pytest.raises(ConfigurationError, match="over plain http"):
        choose_source(settings, FakeClock())


def test_an_endpoint_of_this_machine_is_allowed_without_a_warning(environ, caplog):
    for url in ("https://localstack:4566", "http://127.0.0.2:4566"):
        environ.setenv("AWS_ENDPOINT_URL", url)
        choose("auto")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_the_extension_serves_where_it_is_asked_for(environ):
    for name in LAMBDA:
        environ.delenv(name)
    source, name, reason = choose("extension")
    assert isinstance(source, ExtensionSource)
    assert (name, reason) == ("extension", "the setting source says so")


def test_a_missing_extra_is_named_with_what_made_it_necessary(environ):
    environ.setenv("AWS_PROFILE", "dev")
    environ.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError) as caught:
        choose()
    assert "since AWS_PROFILE is set" in str(caught.value)
    assert "pip install 'core_backend[aws-sdk]'" in str(caught.value)


def test_importing_the_package_imports_no_source():
    program = """
import sys, core_backend
print(*(name for name in sys.modules if "sources.direct" in name or "sources.sdk" in name))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
