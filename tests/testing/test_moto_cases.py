"""``mock_aws`` on classes of unittest: what their set-up creates lasts until the test's end."""

from __future__ import annotations

import unittest

import boto3
import pytest
from moto import mock_aws

from core_backend import get_secret


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_REGION", raising=False)


def create(value: str, name: str = "dev/stripe") -> None:
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=value)


class Inherited(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        create("pl4nted-moto-14")

    async def asyncTearDown(self):
        assert await get_secret("dev/stripe") == "pl4nted-moto-14"


@mock_aws
class TestAsyncSetup(Inherited):
    async def asyncSetUp(self):
        await super().asyncSetUp()
        # Refused where another test's is still there.
        create("pl4nted-moto-15", name="dev/own")

    async def test_async(self):
        assert await get_secret("dev/own") == "pl4nted-moto-15"

    def test_sync(self):
        assert get_secret("dev/own").result() == "pl4nted-moto-15"

    async def asyncTearDown(self):
        assert await get_secret("dev/own") == "pl4nted-moto-15"
        await super().asyncTearDown()


@mock_aws
class TestInheritedAsyncSetup(Inherited):
    async def test_has_its_data(self):
        assert await get_secret("dev/stripe") == "pl4nted-moto-14"


@mock_aws
class TestAsyncSetupAlone(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        create("pl4nted-moto-16")

    async def test_has_its_data(self):
        assert await get_secret("dev/stripe") == "pl4nted-moto-16"

    @staticmethod
    def test_static():
        """Not a method, so moto leaves it alone."""


@mock_aws
class TestBothSetups(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        create("pl4nted-moto-17")

    async def asyncSetUp(self):
        create("pl4nted-moto-18", name="dev/second")

    async def test_have_their_data(self):
        assert await get_secret("dev/stripe") == "pl4nted-moto-17"
        assert await get_secret("dev/second") == "pl4nted-moto-18"
