"""The source that goes through the AWS SDK, against moto's server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.exceptions as sdk_errors
import pytest
from support.leaks import assert_sealed

from core_backend._settings import Settings
from core_backend.errors import (
    ConfigurationError,
    CoreBackendError,
    SecretAccessDeniedError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources._resolver import Resolver
from core_backend.sources.protocol import SecretRequest, SecretValue
from core_backend.sources.sdk import SdkSource
from core_backend.sources.sdk_logs import mask_sdk_logs
from core_backend.testing.moto_server import MotoServer
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Iterator

PLANTED = "pl4nted-by-the-sdk"


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        client = server.client()
        client.create_secret(Name="text", SecretString=PLANTED)
        client.create_secret(Name="bytes", SecretBinary=PLANTED.encode())
        client.create_secret(Name="empty")
        client.create_secret(Name="gone", SecretString="pl4nted")
        client.delete_secret(SecretId="gone")
        yield server


@pytest.fixture
def environ(server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


async def fetch(*requests: SecretRequest, settings: Settings | None = None) -> list[SecretValue]:
    source = source_of(settings)
    try:
        return await asyncio.gather(*(source.fetch(request) for request in requests))
    finally:
        await source.aclose()


def source_of(settings: Settings | None = None) -> SdkSource:
    return SdkSource(settings or Settings(), os.environ)


@pytest.mark.usefixtures("environ")
async def test_text_and_binary_come_with_their_version(server: MotoServer) -> None:
    text, binary = await fetch(SecretRequest("text"), SecretRequest("bytes"))
    assert (type(text.value), text.value) == (SecretText, PLANTED)
    assert (type(binary.value), binary.value) == (SecretBytes, PLANTED.encode())
    listed = server.client().describe_secret(SecretId="text")["VersionIdsToStages"]
    assert list(listed) == [text.version_id]


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
    with pytest.raises(kind, match=f"secret '{name}'") as caught:
        await fetch(SecretRequest(name))
    assert caught.value.__cause__ is caught.value.__context__ is None


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


async def test_the_region_of_an_arn_wins(server: MotoServer, environ: pytest.MonkeyPatch) -> None:
    arn = server.client().describe_secret(SecretId="text")["ARN"]
    environ.delenv("AWS_REGION")
    environ.delenv("AWS_DEFAULT_REGION", raising=False)
    source_of().check(SecretRequest(arn))
    [found] = await fetch(SecretRequest(arn))
    assert found.value == PLANTED


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


async def test_a_service_that_is_not_there_is_unavailable(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(SecretUnavailableError, match="could not be reached"):
        await fetch(SecretRequest("text"))


async def test_names_are_looked_up_where_no_exit_waits_for_it(
    server: MotoServer, environ: pytest.MonkeyPatch
) -> None:
    asked = []

    def unknown(host: bytes, *_: object, **__: object) -> list[Any]:
        asked.append((host, threading.current_thread().daemon))
        raise socket.gaierror(-2, "unknown")

    source = source_of()
    source._names._resolver = Resolver(unknown)
    environ.setenv("AWS_ENDPOINT_URL", "https://secrets.example")
    with pytest.raises(SecretUnavailableError, match="could not be reached"):
        await source.fetch(SecretRequest("text"))
    await source.aclose()
    assert asked == [(b"secrets.example", True)]

    environ.setenv(
        "AWS_ENDPOINT_URL", server.env["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost")
    )
    [found] = await fetch(SecretRequest("text"))
    assert found.value == PLANTED
    assert len(asked) == 1


async def test_a_service_that_does_not_answer_times_out(environ: pytest.MonkeyPatch) -> None:
    over = asyncio.Event()

    async def stall(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    silent = await asyncio.start_server(stall, "127.0.0.1", 0)
    environ.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
    async with silent:
        with pytest.raises(SecretTimeoutError, match="did not answer in time"):
            await fetch(SecretRequest("text"), settings=Settings(read_timeout=0.05))
        over.set()


@pytest.mark.usefixtures("environ")
@pytest.mark.parametrize(
    "answer", [{}, {"VersionId": "v"}, {"VersionId": "v", "SecretString": 3}, None]
)
async def test_an_answer_that_makes_no_sense_is_unavailable(answer: Any) -> None:
    class Client:
        meta = SimpleNamespace(endpoint_url="https://127.0.0.1")

        async def get_secret_value(self, **_: str) -> Any:
            return answer

    source = source_of()
    source._session = SimpleNamespace(
        get_config_variable=lambda _: "us-east-1",
        create_client=lambda *_, **__: contextlib.nullcontext(Client()),
    )
    with pytest.raises(SecretUnavailableError, match="unreadable answer"):
        await source.fetch(SecretRequest("text"))


async def test_a_client_that_cannot_be_made_is_tried_anew(environ: pytest.MonkeyPatch) -> None:
    source = source_of()
    environ.setenv("AWS_CA_BUNDLE", "/nonexistent/bundle.pem")
    real, source._session = source._session, _Broken()
    with pytest.raises(ConfigurationError):
        await source.fetch(SecretRequest("text"))
    environ.delenv("AWS_CA_BUNDLE")
    source._session = real
    assert (await source.fetch(SecretRequest("text"))).value == PLANTED
    await source.aclose()


class _Broken:
    def get_config_variable(self, _name: str) -> str:
        return "us-east-1"

    def create_client(self, *_: object, **__: object) -> Any:
        raise sdk_errors.DataNotFoundError(data_path="endpoints")


@pytest.mark.usefixtures("environ")
async def test_one_who_is_cancelled_leaves_the_client_to_the_others() -> None:
    source = source_of()
    doomed = asyncio.ensure_future(source.fetch(SecretRequest("text")))
    patient = asyncio.ensure_future(source.fetch(SecretRequest("text")))
    await asyncio.sleep(0)
    doomed.cancel()
    assert (await patient).value == PLANTED
    await source.aclose()


async def test_credentials_refused_to_many_at_once_are_read_again_once(
    server: MotoServer, environ: pytest.MonkeyPatch
) -> None:
    source = source_of()
    refused = {"Error": {"Code": "ExpiredTokenException"}}

    class Client:
        meta = SimpleNamespace(endpoint_url="https://127.0.0.1")

        async def get_secret_value(self, **_: str) -> Any:
            await asyncio.sleep(0)
            raise sdk_errors.ClientError(refused, "GetSecretValue")  # type: ignore[arg-type]

    source._session = stale = SimpleNamespace(
        get_config_variable=lambda _: "us-east-1",
        create_client=lambda *_, **__: contextlib.nullcontext(Client()),
    )
    outcomes = await asyncio.gather(
        *(source.fetch(SecretRequest("text")) for _ in range(3)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {SecretAccessDeniedError}
    fresh = source._session
    assert fresh is not stale
    assert (await source.fetch(SecretRequest("text"))).value == PLANTED
    assert source._session is fresh
    await source.aclose()


@pytest.mark.usefixtures("environ")
async def test_no_value_is_in_the_sdks_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await fetch(SecretRequest("text"))
    assert "masked" in caplog.text
    assert PLANTED not in caplog.text


def test_a_line_that_cannot_be_judged_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("botocore.made.up")
    mask_sdk_logs()
    mask_sdk_logs()
    with caplog.at_level(logging.DEBUG):
        logger.debug("%s and %s", "one alone")  # noqa: PLE1206  # the point of the test
        logger.debug("a SecretString passes by")
        logger.debug("nothing to see")
        logger.info("not so deep")
    assert [r.getMessage()[:7] for r in caplog.records] == [
        "(masked",
        "(masked",
        "nothing",
        "not so ",
    ]


@pytest.mark.usefixtures("environ")
async def test_no_error_holds_the_value(environ: pytest.MonkeyPatch) -> None:
    for name in ("absent", "empty", "gone"):
        with pytest.raises(CoreBackendError) as caught:
            await fetch(SecretRequest(name))
        assert_sealed(caught.value)
