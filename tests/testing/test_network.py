"""A fetch from AWS that a test did not mean is refused, with the two lines that fake it."""

from __future__ import annotations

import re

import pytest
from support.projects import run_tests
from support.scripted import ScriptedSource

from core_backend import ConfigurationError
from core_backend._clock import SystemClock
from core_backend._configuration import Settings
from core_backend.sources import SecretRequest
from core_backend.testing import fake_env
from core_backend.testing._network import NetworkGuard

FORGOTTEN = """
    import unittest

    import pytest
    from core_backend import configure, get_secret
    from core_backend.testing import fake_env
    from core_backend.testing.moto_server import MotoServer

    REGION = {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "CORE_BACKEND_ATTEMPTS": "1",
    }
    # A host that does not exist.
    NOWHERE = {**REGION, "AWS_ENDPOINT_URL": "https://secrets.invalid"}

    def test_refused():
        get_secret("dev/stripe").result()

    @pytest.mark.parametrize("number", [1])
    def test_refused_with_credentials_at_hand(number):
        with fake_env(REGION):
            get_secret("dev/stripe")

    class HandlerTest(unittest.TestCase):
        def test_refused(self):
            get_secret("dev/stripe")

    @pytest.mark.core_backend_network
    def test_allowed():
        with fake_env(NOWHERE):
            get_secret("dev/stripe").result()

    def test_refused_again_where_a_handle_asks_anew():
        with fake_env(NOWHERE), MotoServer() as server:
            with fake_env(server.env):
                server.client().create_secret(Name="dev/stripe", SecretString="value")
                handle = get_secret("dev/stripe", fresh=True)
                assert handle.result() == "value"
            with configure(ttl=0, max_stale=0):
                handle.result()

    @pytest.mark.core_backend_network
    def test_allowed_without_a_region():
        get_secret("dev/stripe")

    def test_a_server_on_this_machine_without_a_region():
        with fake_env({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": None}):
            get_secret("dev/stripe")

    def test_the_extension_is_on_this_machine():
        with fake_env({**REGION, "CORE_BACKEND_SOURCE": "extension"}):
            get_secret("dev/stripe").result()
"""
DOCTEST = """
    def documented():
        '''
        >>> from core_backend import get_secret
        >>> get_secret("dev/stripe")
        '''
"""
COLLECTED = """
    from core_backend import get_secret

    get_secret("dev/stripe")
"""


def errors_of(output: str) -> dict[str, str]:
    """Return the last error's text of each test, on one line."""
    parts = re.split(r"^_{3,} (\S.*?) _{3,}$", output, flags=re.MULTILINE)
    return {
        name: " ".join(" ".join(re.findall(r"^E (.*)$", text, re.MULTILINE)).split())
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_a_forgotten_fake_is_refused(tmp_path):
    files = {"test_forgotten": FORGOTTEN, "documented": DOCTEST}
    run = run_tests(tmp_path, "-W", "error", "--doctest-modules", **files)
    errors = errors_of(run.output)
    refusal = (
        "secret 'dev/stripe': the test test_forgotten.py::{} fetches it from AWS, since nothing "
        "fakes it. Fake it:"
    )
    told = errors["test_refused"]
    assert refusal.format("test_refused") in told
    assert "def test_refused(fake_secrets): fake_secrets['dev/stripe'] = \"made up\"" in told
    assert "@pytest.mark.core_backend_network or with core_backend_network = allow" in told

    told = errors["test_refused_with_credentials_at_hand[1]"]
    assert refusal.format("test_refused_with_credentials_at_hand[1]") in told
    assert "def test_refused_with_credentials_at_hand(fake_secrets):" in told

    told = errors["HandlerTest.test_refused"]
    assert refusal.format("HandlerTest::test_refused") in told
    assert "import fake_secrets with fake_secrets({'dev/stripe': \"made up\"}):" in told

    assert "secrets.invalid" in errors["test_allowed"]
    assert "fetches it from AWS" in errors["test_refused_again_where_a_handle_asks_anew"]
    assert "In a test, a fake needs none of it" not in errors["test_allowed_without_a_region"]
    assert "AWS_REGION" in errors["test_allowed_without_a_region"]

    told = errors["test_a_server_on_this_machine_without_a_region"]
    assert "AWS_REGION" in told
    assert "In a test, a fake needs none of it: def test_a_server_on" in told
    assert "the extension" in errors["test_the_extension_is_on_this_machine"]
    assert "the test documented.py::documented.documented fetches it from AWS" in run.output
    assert "9 failed" in run.output


async def test_faults_of_the_environment_are_raised_where_a_secret_is_fetched():
    guard = NetworkGuard(allowed=True)
    request = SecretRequest("dev/stripe")
    good = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"}
    with fake_env({**good, "AWS_PROFILE": "developer"}):
        source, name, reason = guard.choose(Settings(source="direct"), SystemClock())
        assert (name, "AWS_PROFILE is set" in reason) == ("none", True)
        await source.aclose()
        with pytest.raises(ConfigurationError, match="AWS_PROFILE is set"):
            source.check(request)
    with fake_env({**good, "AWS_PROFILE": None}):
        source.check(request)
        await source.aclose()


def test_the_settings_allow_all_tests(tmp_path):
    allow = ("-o", "core_backend_network=allow", "-k", "test_refused_with or test_allowed")
    run = run_tests(tmp_path, *allow, test_forgotten=FORGOTTEN.replace("REGION):", "NOWHERE):"))
    assert "fetches it from AWS" not in run.output


def test_a_fetch_while_tests_are_collected_is_refused(tmp_path):
    run = run_tests(tmp_path, "-n0", test_collected=COLLECTED)
    assert "a module, while tests are collected, fetches it from AWS" in run.output
    assert "with fake_secrets({'dev/stripe': \"made up\"}):" in run.output


def test_a_setting_that_is_neither_is_refused(tmp_path):
    run = run_tests(tmp_path, "-o", "core_backend_network=maybe", test_none="")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "core_backend_network is 'maybe'; set it to allow or refuse" in run.output


async def test_warming_up_needs_the_same_permission(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", raising=False)
    guard = NetworkGuard(allowed=False)
    source, _, _ = guard.choose(Settings(), SystemClock())
    await source.warm()
    source.chosen = chosen = ScriptedSource()
    await source.warm()
    assert chosen.warmed == 0
    guard.allowed = True
    await source.warm()
    assert chosen.warmed == 1
