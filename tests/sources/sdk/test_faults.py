"""The SDK source, where names, answers, clients or credentials fail; and what is logged of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.exceptions as sdk_errors
import pytest
from support.sdk_sources import PLANTED, fetch, source_of

from core_backend._configuration import Settings
from core_backend.errors import (
    ConfigurationError,
    SecretAccessDeniedError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources import SecretRequest
from core_backend.sources.http.connection import Resolver
from core_backend.sources.sdk_logs import mask_sdk_logs

if TYPE_CHECKING:
    from pathlib import Path

    from core_backend.testing.moto_server import MotoServer


async def test_a_service_that_is_not_there_is_unavailable(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(SecretUnavailableError, match="could not be reached"):
        await fetch(SecretRequest("text"))


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_bundle_that_cannot_be_loaded_is_a_mistake_in_the_setup(
    environ: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    environ.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:9")
    environ.setenv("AWS_CA_BUNDLE", str(bundle))
    with pytest.raises(ConfigurationError, match=r"cannot load .*Error\); point AWS_CA_BUNDLE"):
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
