"""Tests as people write them pass in a project of their own, however they are run."""

from __future__ import annotations

import pytest
from support.projects import run_python, run_tests

HANDLER = """
    from core_backend import SecretName, async_handler, get_env, get_secret, sync_handler

    KEY = SecretName("stripe-api-key")

    @async_handler
    async def handler(event, context):
        return str(await get_secret(get_env(KEY)))

    @sync_handler
    def sync(event, context):
        return str(get_secret(get_env(KEY)).result())
"""
CONTEXTS = """
    from types import SimpleNamespace
    from unittest.mock import MagicMock, Mock, create_autospec

    import pytest
    from core_backend.testing import FakeContext
    from handler import KEY, handler, sync

    class OwnContext:
        function_name = "own"

        def get_remaining_time_in_millis(self):
            return None

    CONTEXTS = [
        None,
        {},
        MagicMock(),
        Mock(),
        Mock(spec=["function_name"]),
        create_autospec(FakeContext),
        SimpleNamespace(function_name="test"),
        SimpleNamespace(get_remaining_time_in_millis=30_000),
        OwnContext(),
    ]

    @pytest.mark.parametrize("context", CONTEXTS)
    def test_any_context_will_do(fake_secrets, context):
        fake_secrets[KEY] = "sk_test_1"
        assert handler({}, context) == sync({}, context) == "sk_test_1"
"""
FROZEN = """
    import asyncio

    import pytest
    import time_machine
    from core_backend import SecretThrottledError, get_secret
    from freezegun import freeze_time

    def freezegun_frozen():
        return freeze_time("2020-01-01")

    def freezegun_ticking():
        return freeze_time("2020-01-01", tick=True)

    def freezegun_real_asyncio():
        return freeze_time("2020-01-01", real_asyncio=True)

    def machine_frozen():
        return time_machine.travel("2020-01-01", tick=False)

    def machine_ticking():
        return time_machine.travel("2020-01-01")

    WAYS = [freezegun_frozen, freezegun_ticking, freezegun_real_asyncio, machine_frozen,
            machine_ticking]

    @pytest.mark.parametrize("freeze", WAYS)
    def test_retries_and_latency_end_under_frozen_time(fake_secrets, freeze):
        fake_secrets["a"] = "one"
        fake_secrets.latency = 0.01
        fake_secrets.fail_with(SecretThrottledError, times=1)

        async def fetch():
            return await get_secret("a")

        with freeze():
            assert get_secret("a").result(timeout=30) == "one"
            fake_secrets["a"] = "two"
            fake_secrets.fail_with(SecretThrottledError, times=1)
            assert asyncio.run(fetch()) == "two"
        assert len(fake_secrets.calls) == 4

    @pytest.mark.parametrize("freeze", WAYS)
    def test_values_expire_by_the_time_that_the_test_moves(fake_secrets, freeze):
        fake_secrets["a"] = "old"
        with freeze() as time:
            assert get_secret("a").result() == "old"
            fake_secrets.rotate("a", "new")
            move = time.tick if hasattr(time, "tick") else time.shift
            move(60)
            assert get_secret("a").result() == "old"
            move(600)
            assert get_secret("a").result() == "new"
"""
ASYNC = """
    from handler import KEY, handler

    async def test_an_async_test(fake_secrets, lambda_context):
        fake_secrets[KEY] = "sk_test_1"
        assert await handler({}, lambda_context) == "sk_test_1"
"""
ANYIO = """
    import pytest
    from handler import KEY, handler

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.fixture
    async def secrets(fake_secrets):
        fake_secrets[KEY] = "sk_test_1"
        yield fake_secrets

    @pytest.mark.anyio
    async def test_with_the_plugin_of_anyio(secrets, lambda_context):
        assert await handler({}, lambda_context) == "sk_test_1"
"""
UNITTEST = """
    import unittest
    from unittest.mock import AsyncMock, MagicMock, Mock, patch

    import boto3
    from core_backend.testing import fake_secrets
    from freezegun import freeze_time
    from handler import KEY, handler
    from moto import mock_aws

    class HandlerTest(unittest.TestCase):
        def test_with_a_fake(self):
            with fake_secrets({KEY: "sk_test_1"}):
                self.assertEqual(handler({}, MagicMock()), "sk_test_1")

        @patch("handler.get_env", Mock(return_value="dev/stripe"))
        @mock_aws
        def test_with_moto(self):
            client = boto3.client("secretsmanager", region_name="eu-west-1")
            client.create_secret(Name="dev/stripe", SecretString="sk_test_1")
            self.assertEqual(handler({}, MagicMock()), "sk_test_1")

        @patch("handler.get_env", Mock())
        @patch("handler.get_secret", AsyncMock(return_value="sk_test_1"))
        def test_with_a_mock_of_get_secret(self):
            self.assertEqual(handler({}, None), "sk_test_1")

        def test_frozen_time(self):
            with freeze_time("2020-01-01") as time, fake_secrets({KEY: "old"}) as secrets:
                handler({}, None)
                secrets.rotate(KEY, "new")
                time.tick(600)
                self.assertEqual(handler({}, None), "new")

    class AsyncHandlerTest(unittest.IsolatedAsyncioTestCase):
        async def test_with_a_fake(self):
            with fake_secrets({KEY: "sk_test_1"}):
                self.assertEqual(await handler({}, MagicMock()), "sk_test_1")
"""
SERVICE = """
    import boto3
    import pytest
    from core_backend import (
        SecretAccessDeniedError,
        SecretNotFoundError,
        SecretUnavailableError,
        clear_secrets,
        get_secret,
    )
    from core_backend.testing import fake_secrets as faked
    from handler import KEY, sync
    from moto import mock_aws

    def test_a_forgotten_fake_is_named(monkeypatch):
        monkeypatch.setenv("STRIPE_API_KEY", "dev/stripe")
        with pytest.raises(Exception, match="fake") as refused:
            sync({}, None)
        assert "dev/stripe" in str(refused.value)

    @mock_aws
    def test_what_moto_has_now_is_seen(monkeypatch):
        monkeypatch.setenv("STRIPE_API_KEY", "dev/stripe")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        client = boto3.client("secretsmanager")
        client.create_secret(Name="dev/stripe", SecretString="one")
        assert sync({}, None) == "one"
        client.put_secret_value(SecretId="dev/stripe", SecretString="two")
        assert sync({}, None) == "two"
        client.delete_secret(SecretId="dev/stripe", ForceDeleteWithoutRecovery=True)
        with pytest.raises(SecretNotFoundError):
            sync({}, None)

    def test_fakes_are_like_the_service(fake_secrets):
        with pytest.raises(Exception, match="65,536"):
            fake_secrets[KEY] = "x" * 65_537
        fake_secrets[KEY] = "one"
        fake_secrets.rotate(KEY, "two")
        assert get_secret(KEY).result() == "two"
        assert get_secret(KEY.staged("AWSPREVIOUS")).result() == "one"
        fake_secrets.fail_with(SecretAccessDeniedError, secret=KEY)
        with pytest.raises(SecretAccessDeniedError):
            get_secret(KEY, fresh=True).result()
        fake_secrets.fail_with(None, secret=KEY)
        clear_secrets()  # the refusal is remembered for five seconds
        assert get_secret(KEY).result() == "two"
        assert len(fake_secrets.calls) == 4

    def test_values_come_from_a_file(tmp_path):
        file = tmp_path / "local.env"
        file.write_text("STRIPE_API_KEY=one")
        with faked(str(file)):
            assert sync({}, None) == "one"

    def test_an_outage_is_an_error_of_the_package(fake_secrets):
        fake_secrets[KEY] = "one"
        fake_secrets.fail_with(SecretUnavailableError)
        with pytest.raises(SecretUnavailableError):
            sync({}, None)
"""
SYNC = {
    "handler": HANDLER,
    "test_contexts": CONTEXTS,
    "test_service": SERVICE,
    "test_unittest": UNITTEST,
}
ALL = {**SYNC, "test_frozen": FROZEN, "test_async": ASYNC}
WAYS = {
    "plain": (("-W", "error", "-o", "asyncio_mode=auto"), ALL, 30),
    "xdist": (("-W", "error", "-n", "2"), SYNC, 19),
    "anyio": (("-W", "error", "-p", "no:asyncio"), {**SYNC, "test_anyio": ANYIO}, 20),
}


@pytest.mark.parametrize("way", WAYS)
def test_its_tests_pass(tmp_path, way):
    options, files, count = WAYS[way]
    if way == "anyio":
        # The setting of a plugin that is not there would be a warning.
        (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    run = run_tests(tmp_path, *options, **files)
    assert f"{count} passed" in run.output, run.output
    assert run.status == 0


def test_those_of_unittest_pass_without_pytest(tmp_path):
    run_tests(tmp_path, "--collect-only", **SYNC)
    run = run_python(tmp_path, "-W", "error", "-m", "unittest", "test_unittest")
    assert "Ran 5 tests" in run.output, run.output
    assert run.status == 0
