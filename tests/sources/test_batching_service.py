"""Several secrets in one call, as it is used: over TLS by each source, and by moto."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.faults import body, error, throttled
from support.secret_service import SecretService

from core_backend import (
    SecretBytes,
    SecretName,
    SecretNotFoundError,
    SecretNotSetError,
    SecretsFailedError,
    get_secret,
    get_secrets,
    secrets_info,
)
from core_backend._configuration import Settings
from core_backend._engine import process
from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def service() -> Iterator[SecretService]:
    secrets = {f"s{number}": f"pl4nted-{number}" for number in range(45)}
    with SecretService({**secrets, "binary": b"\x00pl4nted"}) as running:
        yield running


@pytest.fixture(params=["sdk", "direct"])
def batches(
    request: pytest.FixtureRequest, service: SecretService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SecretService]:
    """Let the package fetch in batches from the service, by each of the sources that can."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    settings = Settings().replace(batch=True, source=request.param)
    with process.replaced(settings=settings):
        yield service
    process.reset()


def operations(service: SecretService) -> list[tuple[str, int]]:
    return sorted((call.operation, len(call.secret_ids)) for call in service.calls)


async def test_forty_five_secrets_are_three_calls(batches: SecretService) -> None:
    names = [f"s{number}" for number in range(45)]
    values = await get_secrets(*names)
    assert list(values) == [f"pl4nted-{number}" for number in range(45)]
    assert operations(batches) == [
        ("BatchGetSecretValue", 5),
        ("BatchGetSecretValue", 20),
        ("BatchGetSecretValue", 20),
    ]
    await get_secrets(*names)
    assert len(batches.calls) == 3
    assert secrets_info().fetches == 45


async def test_only_what_is_missing_is_fetched(batches: SecretService) -> None:
    await get_secrets("s1", "s2")
    await get_secrets("s1", "s2", "s3", "s4")
    assert [call.secret_ids for call in batches.calls] == [("s1", "s2"), ("s3", "s4")]


async def test_text_and_binary_name_and_arn_stages_and_absence(
    batches: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches.vault.create_empty("empty")
    batches.put("s3", "pl4nted-newer")
    monkeypatch.setenv("BINARY", "binary")
    monkeypatch.setenv("THIRD", "s3")
    third = SecretName("third")
    text, binary, newer, older = await get_secrets(
        batches.vault.arn("s1"), SecretName("binary").binary(), third, third.staged("AWSPREVIOUS")
    )
    assert (text, binary, newer, older) == (
        "pl4nted-1",
        b"\x00pl4nted",
        "pl4nted-newer",
        "pl4nted-3",
    )
    assert type(binary) is SecretBytes
    assert operations(batches) == [("BatchGetSecretValue", 3), ("GetSecretValue", 0)]
    with pytest.raises(SecretsFailedError) as caught:
        await get_secrets("s4", "absent", "empty")
    assert {name: type(each) for name, each in caught.value.failures.items()} == {
        "absent": SecretNotFoundError,
        "empty": SecretNotSetError,
    }
    calls = len(batches.calls)
    assert await get_secret("s4") == "pl4nted-4"
    assert len(batches.calls) == calls


async def test_every_page_is_fetched(batches: SecretService) -> None:
    batches.vault.page = 3
    values = await get_secrets(*(f"s{number}" for number in range(8)))
    assert list(values) == [f"pl4nted-{number}" for number in range(8)]
    assert operations(batches) == [("BatchGetSecretValue", 8)] * 3


async def test_what_cannot_be_read_in_a_batch_is_fetched_singly(batches: SecretService) -> None:
    found = [{"ARN": batches.vault.arn("s1"), "Name": "s1", "VersionId": "v"}]
    batches.script(body(json.dumps({"SecretValues": found}).encode()))
    assert await get_secrets("s1", "s2") == ("pl4nted-1", "pl4nted-2")
    assert operations(batches) == [("BatchGetSecretValue", 2), *[("GetSecretValue", 0)] * 2]


async def test_a_role_that_may_not_batch_fetches_singly(batches: SecretService) -> None:
    batches.script(
        error(
            "AccessDeniedException",
            "User: arn is not authorized to perform: secretsmanager:BatchGetSecretValue",
        )
    )
    assert await get_secrets("s1", "s2") == ("pl4nted-1", "pl4nted-2")
    assert await get_secrets("s3", "s4") == ("pl4nted-3", "pl4nted-4")
    assert operations(batches) == [("BatchGetSecretValue", 2), *[("GetSecretValue", 0)] * 4]


async def test_a_throttled_batch_is_tried_again_singly(batches: SecretService) -> None:
    batches.script(throttled)
    assert await get_secrets("s1", "s2") == ("pl4nted-1", "pl4nted-2")
    assert operations(batches) == [("BatchGetSecretValue", 2), *[("GetSecretValue", 0)] * 2]


async def test_without_the_option_each_is_a_call_of_its_own(
    service: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    with process.replaced(settings=Settings()):
        await get_secrets("s1", "s2")
    assert operations(service) == [("GetSecretValue", 0)] * 2


async def test_moto_answers_batches_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with MotoServer() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        client = server.client()
        for name in ("one", "two", "three"):
            client.create_secret(Name=name, SecretString=f"pl4nted-{name}")
        client.create_secret(Name="empty")
        with process.replaced(settings=Settings().replace(batch=True)):
            assert await get_secrets("one", "two") == ("pl4nted-one", "pl4nted-two")
            assert [call.operation for call in server.calls][-1] == "BatchGetSecretValue"
            with pytest.raises(SecretNotFoundError, match="absent"):
                await get_secrets("three", "absent")
            assert server.fetches == ()
            # moto fails the whole call for a secret without a value; single gets tell of it.
            with pytest.raises(SecretNotSetError, match="empty"):
                await get_secrets("empty", "one", "three")
