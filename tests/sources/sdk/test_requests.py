"""The SDK source against moto: what it asks for, of whom."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from support.sdk_sources import PLANTED, fetch, source_of
from support.secret_service import SecretService

from core_backend._configuration import Settings
from core_backend.errors import (
    ConfigurationError,
    CoreBackendError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
)
from core_backend.sources import SecretRequest
from core_backend.sources.endpoints import Endpoints
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from pathlib import Path

    from core_backend.testing.moto_server import MotoServer


@pytest.mark.usefixtures("environ")
async def test_text_and_binary_come_with_their_version(server: MotoServer) -> None:
    text, binary = await fetch(SecretRequest("text"), SecretRequest("bytes"))
    assert (type(text.value), text.value) == (SecretText, PLANTED)
    assert (type(binary.value), binary.value) == (SecretBytes, PLANTED.encode())
    listed = server.client().describe_secret(SecretId="text")["VersionIdsToStages"]
    assert list(listed) == [text.version_id]


@pytest.mark.usefixtures("environ")
async def test_warming_makes_the_client_that_the_first_fetch_uses() -> None:
    source = source_of()
    await source.warm()
    [client] = source._clients._current.values()
    assert (await source.fetch(SecretRequest("text"))).value == PLANTED
    assert list(source._clients._current.values()) == [client]
    await source.aclose()


@pytest.mark.parametrize(("idle_timeout", "connections"), [(12.0, 1), (0.0, 2)])
async def test_the_sdk_keeps_connections_as_long_as_the_setting_says(
    environ: pytest.MonkeyPatch, idle_timeout: float, connections: int
) -> None:
    with SecretService({"db": PLANTED}) as service:
        for name, value in service.environ.items():
            environ.setenv(name, value)
        source = source_of(Settings(idle_timeout=idle_timeout))
        for _ in range(2):
            assert (await source.fetch(SecretRequest("db"))).value == PLANTED
        await source.aclose()
        assert service.connections == connections


async def test_a_profile_that_cannot_be_read_is_a_mistake_in_the_setup(
    environ: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        environ.delenv(name, raising=False)
    environ.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigurationError, match="ProfileNotFound.; check AWS_PROFILE"):
        source_of().check(SecretRequest("text"))


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "localstack"])
async def test_plain_http_within_the_machine_and_by_the_setting(
    environ: pytest.MonkeyPatch, host: str
) -> None:
    environ.setenv("AWS_ENDPOINT_URL", f"http://{host}:4566")
    source_of(Settings(insecure_endpoint="localstack")).check(SecretRequest("text"))


@pytest.mark.usefixtures("environ")
async def test_stages_and_versions_are_asked_for(server: MotoServer) -> None:
    client = server.client()
    first = client.create_secret(Name="rotated", SecretString="pl4nted-1")["VersionId"]
    client.put_secret_value(SecretId="rotated", SecretString="pl4nted-2")
    found = await fetch(
        SecretRequest("rotated"),
        SecretRequest("rotated", stage="AWSPREVIOUS"),
        SecretRequest("rotated", version_id=first),
        SecretRequest("rotated", stage="AWSPREVIOUS", version_id=first),
    )
    assert [value.value for value in found] == ["pl4nted-2", "pl4nted-1", "pl4nted-1", "pl4nted-1"]


@pytest.mark.usefixtures("environ")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("absent", SecretNotFoundError),
        ("empty", SecretNotSetError),
        ("gone", SecretDeletedError),
    ],
)
async def test_the_services_errors_become_ours(name: str, kind: type[CoreBackendError]) -> None:
    with pytest.raises(kind, match=f"secret '{name}'"):
        await fetch(SecretRequest(name))


@pytest.mark.usefixtures("environ")
async def test_a_version_that_is_not_at_that_stage_is_a_mistake_in_the_setup(
    server: MotoServer,
) -> None:
    [version] = server.client().describe_secret(SecretId="text")["VersionIdsToStages"]
    with pytest.raises(ConfigurationError, match="refused the request"):
        await fetch(SecretRequest("text", stage="NOSUCH", version_id=version))


async def test_a_region_is_asked_for_where_there_is_none(environ: pytest.MonkeyPatch) -> None:
    environ.delenv("AWS_REGION")
    environ.delenv("AWS_DEFAULT_REGION", raising=False)
    source = source_of()
    with pytest.raises(ConfigurationError, match="'text': no Region is set; set AWS_REGION"):
        source.check(SecretRequest("text"))


@pytest.mark.parametrize("source", ["sdk", "direct"])
@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
    ],
)
async def test_with_each_source_the_variables_give_the_same_region(
    environ: pytest.MonkeyPatch, source: str, variables: dict[str, str], region: str
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        environ.delenv(name)
    for name, value in variables.items():
        environ.setenv(name, value)
    if source == "sdk":
        assert source_of().place(SecretRequest("text")) == region
    else:
        assert Endpoints(os.environ).find("text")[1] == region


async def test_the_profiles_region_is_used_where_no_variable_names_one(
    environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-north-1\n")
    environ.setenv("AWS_CONFIG_FILE", str(config))
    environ.delenv("AWS_DEFAULT_REGION")
    environ.setenv("AWS_REGION", "eu-west-1")
    assert source_of().place(SecretRequest("text")) == "eu-west-1"
    environ.delenv("AWS_REGION")
    assert source_of().place(SecretRequest("text")) == "eu-north-1"


async def test_the_region_of_an_arn_wins(server: MotoServer, environ: pytest.MonkeyPatch) -> None:
    arn = server.client().describe_secret(SecretId="text")["ARN"]
    environ.delenv("AWS_REGION")
    environ.delenv("AWS_DEFAULT_REGION", raising=False)
    source_of().check(SecretRequest(arn))
    [found] = await fetch(SecretRequest(arn))
    assert found.value == PLANTED


@pytest.mark.parametrize("region", ["us-west-2.evil.example/", "evil.example#", "", "a b"])
async def test_a_hostile_arn_leads_nowhere(environ: pytest.MonkeyPatch, region: str) -> None:
    environ.delenv("AWS_ENDPOINT_URL")
    arn = f"arn:aws:secretsmanager:{region}:123456789012:secret:db-AbCdEf"
    environ.delenv("AWS_REGION")
    environ.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(ConfigurationError):
        await fetch(SecretRequest(arn))


async def test_missing_credentials_are_said_to_be_missing(environ: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        environ.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"no usable credentials .* AWS_PROFILE"):
        await fetch(SecretRequest("text"))


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"])
async def test_plain_http_is_refused_but_on_this_machine(
    environ: pytest.MonkeyPatch, name: str
) -> None:
    environ.setenv(name, "http://secrets.example.com")
    with pytest.raises(ConfigurationError, match=f"{name} .* plain http"):
        source_of().check(SecretRequest("text"))
    environ.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    source_of().check(SecretRequest("text"))


async def test_plain_http_is_refused_from_a_profile_too(
    environ: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nendpoint_url = http://secrets.example.com\n")
    environ.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"):
        environ.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="plain http"):
        await fetch(SecretRequest("text"))


async def test_a_profile_that_is_not_there_is_a_mistake_in_the_setup(
    environ: pytest.MonkeyPatch,
) -> None:
    environ.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigurationError):
        await fetch(SecretRequest("text"))
