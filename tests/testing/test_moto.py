"""Plain ``mock_aws`` works as its users know it, in sync and async tests."""

from __future__ import annotations

import unittest

import boto3
import pytest
from moto import mock_aws

from core_backend import (
    ConfigurationError,
    SecretDeletedError,
    SecretId,
    SecretName,
    SecretNotFoundError,
    SecretNotSetError,
    async_handler,
    get_env,
    get_secret,
    get_secrets,
    secrets_info,
)
from core_backend._engine import process
from core_backend.testing import fake_secrets

STRIPE = SecretName("stripe-api-key")
BINARY = SecretName("binary").binary()


@async_handler
async def handler(event, context):
    [key] = get_secrets(get_env(STRIPE))
    return await key


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv(STRIPE.env_key, "dev/stripe")


def create(value: str | bytes = "pl4nted-moto", name: str = "dev/stripe") -> str:
    client = boto3.client("secretsmanager")
    kind = "SecretString" if isinstance(value, str) else "SecretBinary"
    return client.create_secret(Name=name, **{kind: value})["ARN"]


@mock_aws
async def test_decorated_async_tests_await_the_handler(lambda_context):
    create("pl4nted-moto-1")
    assert await handler({}, lambda_context) == "pl4nted-moto-1"


@mock_aws
async def test_the_next_test_sees_neither_the_secret_nor_the_cached_value(lambda_context):
    with pytest.raises(SecretNotFoundError):
        await handler({}, lambda_context)


@mock_aws()
def test_decorated_sync_tests_call_the_handler(lambda_context):
    create("pl4nted-moto-2")
    assert handler({}, lambda_context) == "pl4nted-moto-2"


async def test_a_context_manager_will_do(lambda_context):
    with mock_aws():
        create("pl4nted-moto-3")
        assert await handler({}, lambda_context) == "pl4nted-moto-3"


def test_each_mock_starts_with_nothing_cached(lambda_context):
    for value in ("pl4nted-moto-4", "pl4nted-moto-5"):
        with mock_aws():
            create(value)
            assert handler({}, lambda_context) == value


def test_mocks_nest(lambda_context):
    with mock_aws():
        create("pl4nted-moto-6")
        assert handler({}, lambda_context) == "pl4nted-moto-6"
        store = process.get_store()
        with mock_aws():
            assert process.get_store() is store
        assert handler({}, lambda_context) == "pl4nted-moto-6"
        assert secrets_info().fetches == 1


def test_after_a_mock_secrets_come_from_where_they_came_before():
    before = process.get_store().choose
    with mock_aws():
        assert process.get_store().choose is not before
    assert process.get_store().choose is before


@pytest.fixture(scope="class")
def long_lived():
    with mock_aws():
        yield


class TestMockOfSeveralTests:
    @pytest.mark.parametrize("value", ["pl4nted-moto-7", "pl4nted-moto-8"])
    def test_serves_them_all(self, long_lived, lambda_context, value):
        client = boto3.client("secretsmanager")
        try:
            create(value)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId="dev/stripe", SecretString=value)
        assert handler({}, lambda_context) == value


@mock_aws
class TestDecoratedClass:
    def setup_method(self, method):
        create("pl4nted-moto-9")

    async def test_async(self, lambda_context):
        assert await handler({}, lambda_context) == "pl4nted-moto-9"

    def test_sync(self, lambda_context):
        assert handler({}, lambda_context) == "pl4nted-moto-9"


class UnittestCase(unittest.IsolatedAsyncioTestCase):
    @mock_aws
    async def test_unittest_awaits_too(self):
        create("pl4nted-moto-10")
        assert await handler({}, None) == "pl4nted-moto-10"


@mock_aws
async def test_the_result_of_a_decorated_coroutine_is_handed_on():
    @mock_aws
    async def inner(number: int) -> int:
        return number + 1

    assert await inner(1) == 2


@mock_aws
async def test_bytes_and_arns_and_regions_are_served(monkeypatch):
    arn = create(b"pl4nted-moto-11")
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    assert await get_secret(SecretId.of(arn, BINARY)) == b"pl4nted-moto-11"
    with pytest.raises(SecretNotFoundError):
        await get_secret("dev/stripe")


@mock_aws
async def test_failures_are_those_of_the_service():
    client = boto3.client("secretsmanager")
    client.create_secret(Name="unset")
    with pytest.raises(SecretNotSetError):
        await get_secret("unset")
    create(name="deleted")
    client.delete_secret(SecretId="deleted")
    with pytest.raises(SecretDeletedError):
        await get_secret("deleted")


@mock_aws
async def test_without_a_region_the_variable_is_named(monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigurationError, match="a test has to set it"):
        await get_secret("dev/stripe")


@mock_aws
async def test_without_a_region_that_of_the_tests_own_client_will_do(monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    north, west = (
        boto3.client("secretsmanager", region_name=region) for region in ("eu-north-1", "us-west-2")
    )
    north.create_secret(Name="dev/stripe", SecretString="pl4nted-moto-north")
    assert await get_secret("dev/stripe") == "pl4nted-moto-north"
    west.create_secret(Name="dev/stripe", SecretString="pl4nted-moto-west")
    with pytest.raises(ConfigurationError, match="a test has to set it"):
        await get_secret("dev/other")


@mock_aws
async def test_fakes_are_served_where_a_mock_begins_among_them(fake_secrets, lambda_context):
    fake_secrets[STRIPE] = "pl4nted-fake-not-moto"
    assert await handler({}, lambda_context) == "pl4nted-fake-not-moto"


@mock_aws
async def test_fakes_are_served_where_they_begin_within_a_mock(lambda_context):
    create("pl4nted-moto-12")
    with fake_secrets({STRIPE: "pl4nted-fake-inner"}):
        assert await handler({}, lambda_context) == "pl4nted-fake-inner"
    assert await handler({}, lambda_context) == "pl4nted-moto-12"


async def test_a_mock_that_began_among_fakes_and_outlives_them_is_asked(lambda_context):
    mock = mock_aws()
    with fake_secrets({STRIPE: "pl4nted-fake-outer"}):
        mock.start()
        create("pl4nted-moto-19")
        assert await handler({}, lambda_context) == "pl4nted-fake-outer"
    assert await handler({}, lambda_context) == "pl4nted-moto-19"
    mock.stop()


@mock_aws
async def test_what_a_test_changes_in_the_mock_is_seen_at_once():
    client = boto3.client("secretsmanager")
    with pytest.raises(SecretNotFoundError):
        await get_secret("dev/stripe")
    create("pl4nted-moto-20")
    assert await get_secret("dev/stripe") == "pl4nted-moto-20"
    client.put_secret_value(SecretId="dev/stripe", SecretString="pl4nted-moto-21")
    assert await get_secret("dev/stripe") == "pl4nted-moto-21"
    client.update_secret(SecretId="dev/stripe", SecretString="pl4nted-moto-22")
    assert await get_secret("dev/stripe") == "pl4nted-moto-22"
    client.delete_secret(SecretId="dev/stripe")
    with pytest.raises(SecretDeletedError):
        await get_secret("dev/stripe")
    client.restore_secret(SecretId="dev/stripe")
    assert await get_secret("dev/stripe") == "pl4nted-moto-22"


@mock_aws
async def test_what_it_reads_in_the_mock_or_fails_to_change_leaves_the_cache_as_it_is():
    client = boto3.client("secretsmanager")
    create("pl4nted-moto-23")
    await get_secret("dev/stripe")
    client.list_secrets()
    client.get_secret_value(SecretId="dev/stripe")
    client.describe_secret(SecretId="dev/stripe")
    client.get_random_password()
    with pytest.raises(client.exceptions.ResourceExistsException):
        create("pl4nted-moto-24")
    await get_secret("dev/stripe")
    assert secrets_info().fetches == 1


@mock_aws
async def test_what_it_changes_in_the_mock_leaves_fakes_alone(fake_secrets):
    fake_secrets["dev/stripe"] = "pl4nted-fake-1"
    await get_secret("dev/stripe")
    fake_secrets.rotate("dev/stripe", "pl4nted-fake-2")
    create("pl4nted-moto-25")
    assert await get_secret("dev/stripe") == "pl4nted-fake-1"


@mock_aws
async def test_a_secret_that_is_in_another_region_is_found_there_by_the_error():
    north = boto3.client("secretsmanager", region_name="eu-north-1")
    arn = north.create_secret(Name="dev/stripe", SecretString="pl4nted-moto-26")["ARN"]
    told = "the test made it in eu-north-1, and fetches it from eu-west-1; set AWS_DEFAULT_REGION"
    with pytest.raises(SecretNotFoundError, match=f"secret 'dev/stripe': {told}"):
        await get_secret("dev/stripe")
    assert await get_secret(arn) == "pl4nted-moto-26"
    with pytest.raises(SecretNotFoundError, match=r"'dev/nowhere': (?!the test made it)"):
        await get_secret("dev/nowhere")
