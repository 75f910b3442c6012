"""The migration guide: both sides of each pair give the same answer for the same secret."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from support.documents import Document
from support.extension_server import ExtensionServer
from support.invoked import call

from core_backend._engine import process
from core_backend.testing.context import FakeContext
from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core_backend.testing import FakeSecrets

GUIDE = Path(__file__).parents[2] / "docs" / "migrating.md"
# Not planted: the SDKs on the other side write what they send and get into their logs.
VALUE = json.dumps({"username": "app", "password": "hunter2"})
ANSWER = {"user": "app", "letters": 7}


FENCES = [fence.source for fence in Document(GUIDE).fences]
HANDLERS = [
    source for source in FENCES if "\ndef handler(" in source or "async def handler" in source
]


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer(region="eu-central-1") as running:
        running.client().create_secret(Name="shop/database", SecretString=VALUE)
        yield running


@pytest.fixture
def environ(server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (server.env | {"DB_SECRET_ARN": "shop/database"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.url)
    monkeypatch.setenv("DB_USER_PARAMETER", "user")
    boto3.client("ssm").put_parameter(Name="user", Value="app", Type="String", Overwrite=True)
    with ExtensionServer("token") as extension, process.replaced():
        extension.vault.put("shop/database", VALUE)
        monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(extension.port))
        monkeypatch.setenv("AWS_SESSION_TOKEN", extension.token)
        yield


def run(source: str) -> Any:
    module: Any = types.ModuleType("shown")
    exec(source, vars(module))
    return module


@pytest.mark.parametrize("source", HANDLERS)
@pytest.mark.usefixtures("environ")
def test_each_side_gives_the_same_answer(source: str) -> None:
    if "aioboto3" in source:
        # Its releases go with one older botocore each, so it has an environment of its own.
        pytest.importorskip("aioboto3", reason="tox -e libraries has aioboto3")
    assert call(run(source).handler, {}, FakeContext()) == ANSWER


@pytest.mark.parametrize("source", [source for source in HANDLERS if "core_backend" in source])
def test_the_test_that_is_shown_passes(
    source: str, fake_secrets: FakeSecrets, lambda_context: FakeContext, monkeypatch: Any
) -> None:
    [shown] = [each for each in FENCES if "def test_" in each]
    monkeypatch.setattr("aws_lambda_powertools.utilities.parameters.get_parameter", lambda _: "app")
    monkeypatch.setenv("DB_USER_PARAMETER", "user")
    run(shown).test_the_user(run(source), fake_secrets, lambda_context)


def test_all_that_is_shown_is_run() -> None:
    assert len(HANDLERS) == 10
    assert len(FENCES) == len(HANDLERS) + 1
