"""The source that asks the extension or the agent next door."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from support.extension_server import ExtensionServer
from support.scripted import until

from core_backend import (
    ConfigurationError,
    CoreBackendError,
    SecretAccessDeniedError,
    SecretBytes,
    SecretNotFoundError,
    SecretNotSetError,
    SecretText,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
    _state,
    configure,
    get_secret,
    get_secrets,
    secrets_info,
    with_secret,
)
from core_backend._settings import Settings
from core_backend.sources.extension import ExtensionSource
from core_backend.sources.protocol import SecretRequest, SecretValue
from core_backend.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "pl4nted-session-token"
PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"


@pytest.fixture(params=[False, True], ids=["extension", "agent"])
def server(request: pytest.FixtureRequest) -> Iterator[ExtensionServer]:
    with ExtensionServer(TOKEN, agent=request.param) as running:
        running.vault.put("text", "pl4nted-text")
        running.vault.put("bytes", b"\x00pl4nted")
        yield running


@pytest.fixture
def extension() -> Iterator[ExtensionServer]:
    with ExtensionServer(TOKEN) as running:
        running.vault.put("text", "pl4nted-text")
        yield running


@pytest.fixture
def agent() -> Iterator[ExtensionServer]:
    with ExtensionServer(TOKEN, agent=True) as running:
        running.vault.put("text", "pl4nted-text")
        yield running


def source_at(port: int, *, token_file: str = "/nonexistent/token", **more: Any) -> ExtensionSource:
    environ = {"AWS_SESSION_TOKEN": TOKEN, PORT: str(port), **more.pop("environ", {})}
    return ExtensionSource(Settings(**more), environ, FakeClock(), token_file)


async def fetch(source: ExtensionSource, *requests: SecretRequest | str) -> list[Any]:
    asked = [each if isinstance(each, SecretRequest) else SecretRequest(each) for each in requests]
    try:
        outcomes = await asyncio.gather(*map(source.fetch, asked), return_exceptions=True)
    finally:
        await source.aclose()
    return [each.value if isinstance(each, SecretValue) else each for each in outcomes]


# --- what it asks and what it is answered


async def test_text_and_binary_are_fetched(server: ExtensionServer) -> None:
    text, binary = await fetch(source_at(server.port), "text", "bytes")
    assert (type(text), text) == (SecretText, "pl4nted-text")
    assert (type(binary), binary) == (SecretBytes, b"\x00pl4nted")


async def test_a_value_that_reads_like_a_refusal_is_a_value(server: ExtensionServer) -> None:
    server.vault.put("text", "not ready to serve, by an unexpected error")
    assert await fetch(source_at(server.port), "text") == [
        "not ready to serve, by an unexpected error"
    ]


async def test_a_value_comes_with_its_version(server: ExtensionServer) -> None:
    source = source_at(server.port)
    version = server.vault.put("text", "pl4nted-newer")
    assert (await source.fetch(SecretRequest("text"))).version_id == version
    await source.aclose()


async def test_it_asks_as_it_is_documented(server: ExtensionServer) -> None:
    first = server.vault.put("a/b+c=d@e", "pl4nted-1")
    server.vault.put("a/b+c=d@e", "pl4nted-2")
    arn = server.vault.arn("a/b+c=d@e")
    values = await fetch(
        source_at(server.port),
        arn,
        SecretRequest("a/b+c=d@e", stage="AWSPREVIOUS"),
        SecretRequest("a/b+c=d@e", version_id=first),
    )
    assert values == ["pl4nted-2", "pl4nted-1", "pl4nted-1"]
    assert sorted(server.queries, key=str) == [
        {"secretId": "a/b+c=d@e", "versionId": first},
        {"secretId": "a/b+c=d@e", "versionStage": "AWSPREVIOUS"},
        {"secretId": arn},
    ]
    for request in server.requests:
        assert request.method == "GET"
        assert urlsplit(request.path).path == "/secretsmanager/get"
        assert request.headers["host"] == f"localhost:{server.port}"
        assert "/" not in urlsplit(request.path).query


async def test_connections_are_kept_and_not_too_many(server: ExtensionServer) -> None:
    source = source_at(server.port, max_connections=2)
    await asyncio.gather(*(source.fetch(SecretRequest("text")) for _ in range(10)))
    assert server.most_open <= 2
    await source.aclose()
    server.wait_for_open(0)
    await source.aclose()
    # It can be used again.
    assert await fetch(source, "text") == ["pl4nted-text"]


# --- before it is ready


async def test_what_is_not_ready_yet_is_waited_for(server: ExtensionServer) -> None:
    server.not_ready = 3
    assert await fetch(source_at(server.port), "text") == ["pl4nted-text"]
    assert len(server.requests) == 4


async def test_what_does_not_listen_yet_is_waited_for(
    extension: ExtensionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_at(extension.port)
    attempt, attempts = source._attempt, []

    async def counted(request: SecretRequest) -> Any:
        attempts.append(request)
        return await attempt(request)

    monkeypatch.setattr(source, "_attempt", counted)
    with extension.refusing():
        waiting = asyncio.create_task(source.fetch(SecretRequest("text")))
        await until(lambda: len(attempts) > 1)
        assert not waiting.done()
    assert (await waiting).value == "pl4nted-text"
    await source.aclose()


@pytest.mark.parametrize("server", [False], indirect=True, ids=["extension"])
async def test_what_never_gets_ready_is_a_mistake_in_the_setup(asked_for: ExtensionServer) -> None:
    asked_for.not_ready = 1_000_000
    with configure(timeout=1.0), pytest.raises(ConfigurationError) as caught:
        await get_secret("text")
    where = f"extension on localhost:{asked_for.port} is not there, or not ready"
    assert where in str(caught.value)
    assert "ask in the handler" in str(caught.value)


async def test_what_has_served_and_ends_is_not_waited_for(extension: ExtensionServer) -> None:
    source = source_at(extension.port)
    await source.fetch(SecretRequest("text"))
    with extension.refusing():
        extension.close_connections()
        [error] = await fetch(source, "text")
    assert type(error) is SecretUnavailableError
    assert "The extension failed, or has ended" in str(error)


# --- what goes wrong


async def test_the_agent_says_why(agent: ExtensionServer) -> None:
    agent.vault.create_empty("empty")
    absent, empty = await fetch(source_at(agent.port), "absent", "empty")
    assert type(absent) is SecretNotFoundError
    assert type(empty) is SecretNotSetError


async def test_the_extension_does_not_say_why(extension: ExtensionServer) -> None:
    [error] = await fetch(source_at(extension.port), "absent")
    assert type(error) is SecretAccessDeniedError
    assert "says why only in its own log" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b"Connection limit exceeded", SecretThrottledError),
        (403, b"Bad Token", ConfigurationError),
        (401, b"", ConfigurationError),
        (403, b'{"__type":"AccessDeniedException","message":"no"}', SecretAccessDeniedError),
        (504, b'{"__type":"TimeoutError", "message":"Timeout"}', SecretUnavailableError),
        (500, b'{"__type":"InternalFailure"}', SecretUnavailableError),
        (404, b"Not found", SecretUnavailableError),
        (200, b"pl4nted, but no JSON", SecretUnavailableError),
        (200, b'{"SecretString": "pl4nted, but no version"}', SecretUnavailableError),
        (400, b"\xff\xfe pl4nted", SecretUnavailableError),
    ],
)
async def test_whatever_it_answers_becomes_an_error_that_quotes_nothing(
    extension: ExtensionServer, status: int, body: bytes, kind: type[CoreBackendError]
) -> None:
    extension.verbatim = status, body
    [error] = await fetch(source_at(extension.port), "text")
    assert type(error) is kind
    assert str(error).startswith("secret 'text': ")
    assert "pl4nted" not in str(error)
    assert error.__cause__ is error.__context__ is None


async def test_what_takes_too_long_is_given_up(extension: ExtensionServer) -> None:
    class Silent(ExtensionServer):
        async def serve(self, reader: Any, *_: Any) -> None:
            await reader.read()
            await reader.read()

    with Silent(TOKEN) as silent:
        [error] = await fetch(source_at(silent.port, read_timeout=0.05), "text")
    assert type(error) is SecretTimeoutError


async def test_another_token_is_named_as_the_mistake_it_is(server: ExtensionServer) -> None:
    server.token = "pl4nted-another"
    [error] = await fetch(source_at(server.port), "text")
    assert type(error) is ConfigurationError
    assert "refused the token" in str(error)


# --- port and token


def test_the_usual_port_is_the_documented_one() -> None:
    source = ExtensionSource(Settings(), {"AWS_SESSION_TOKEN": TOKEN}, FakeClock(), "/nonexistent")
    assert source._endpoint().authority == "localhost:2773"


@pytest.mark.parametrize("port", ["0", "65536", "2773x", "-1", "9" * 5000, "²"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{PORT} is '.*; it must be a port"):
        source_at(0, environ={PORT: port}).check(SecretRequest("text"))


def token_of(environ: dict[str, str], token_file: Path | None = None) -> str:
    source = ExtensionSource(Settings(), environ, FakeClock(), str(token_file or "/nonexistent"))
    source.check(SecretRequest("text"))
    return source._token()


def test_the_token_is_the_agents_own_or_the_sessions_or_the_containers(tmp_path: Path) -> None:
    session = {"AWS_SESSION_TOKEN": "pl4nted-s", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "pl4nted-c"}
    assert token_of(session) == "pl4nted-s"
    assert token_of({"AWS_CONTAINER_AUTHORIZATION_TOKEN": "pl4nted-c"}) == "pl4nted-c"
    installed = tmp_path / "awssmatoken"
    installed.write_text("pl4nted-installed\n")
    assert token_of(session, installed) == "pl4nted-installed"
    assert token_of({}, installed) == "pl4nted-installed"
    assert token_of({**session, "AWS_TOKEN": "pl4nted-t"}, installed) == "pl4nted-t"
    assert token_of({"AWS_TOKEN": f"file://{installed}"}) == "pl4nted-installed"
    assert repr(token_of(session)) == "SecretText('***')"


def test_no_token_at_all_is_said_at_the_call(tmp_path: Path) -> None:
    for environ in ({}, {"AWS_SESSION_TOKEN": ""}, {"AWS_TOKEN": f"file://{tmp_path}/none"}):
        with pytest.raises(ConfigurationError, match="there is no token to show the extension"):
            token_of(environ)
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="AWS_TOKEN is not set, or its file cannot be"):
        token_of({"AWS_TOKEN": f"file://{tmp_path}/binary"})


@pytest.mark.parametrize("token", ["pl4nted\r\nhost: x", "pl4nted token", "pl4nted-tökén"])
def test_a_token_that_no_header_may_have_is_refused(token: str) -> None:
    with pytest.raises(ConfigurationError, match="token in AWS_SESSION_TOKEN has characters"):
        token_of({"AWS_SESSION_TOKEN": token})


async def test_a_token_that_goes_bad_meanwhile_is_an_error_of_the_fetch() -> None:
    environ = {"AWS_SESSION_TOKEN": TOKEN}
    source = ExtensionSource(Settings(), environ, FakeClock(), "/nonexistent")
    source.check(SecretRequest("text"))
    environ.clear()
    [error] = await fetch(source, "text")
    assert type(error) is ConfigurationError


# --- past its cache


async def test_the_agent_is_told_to_pass_by_its_cache_when_that_is_wanted(
    agent: ExtensionServer,
) -> None:
    source = source_at(agent.port)
    await source.fetch(SecretRequest("text"))
    agent.vault.put("text", "pl4nted-newer")
    assert (await source.fetch(SecretRequest("text"))).value == "pl4nted-text"
    assert (await source.fetch(SecretRequest("text").afresh())).value == "pl4nted-newer"
    await source.aclose()
    assert [query.get("refreshNow") for query in agent.queries] == [None, None, "true"]


async def test_what_does_not_know_how_is_asked_without_and_not_told_again(
    extension: ExtensionServer,
) -> None:
    source = source_at(extension.port)
    for _ in range(2):
        assert (await source.fetch(SecretRequest("text").afresh())).value == "pl4nted-text"
    await source.aclose()
    assert [query.get("refreshNow") for query in extension.queries] == ["true", None, None]


async def test_a_secret_refused_says_nothing_of_what_it_knows(agent: ExtensionServer) -> None:
    source = source_at(agent.port)
    for name in ("absent", "text"):
        await asyncio.gather(source.fetch(SecretRequest(name).afresh()), return_exceptions=True)
    await source.aclose()
    assert [query.get("refreshNow") for query in agent.queries] == ["true", None, "true"]


async def test_not_ready_is_no_answer_to_that_either(server: ExtensionServer) -> None:
    server.not_ready = 1
    assert await fetch(source_at(server.port), SecretRequest("text").afresh()) == ["pl4nted-text"]
    refreshes = [query.get("refreshNow") for query in server.queries]
    assert refreshes == (["true", "true"] if server.agent else ["true", "true", None])


# --- as it is used


@pytest.fixture
def asked_for(
    server: ExtensionServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ExtensionServer]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setenv(PORT, str(server.port))
    # No Region, no key: those are the extension's business.
    with _state.override(settings=Settings(source="extension", batch=True)):
        yield server


async def test_the_setting_is_all_it_takes(asked_for: ExtensionServer) -> None:
    asked_for.vault.put("other", "pl4nted-other")
    assert await get_secrets("text", "other") == ("pl4nted-text", "pl4nted-other")
    await get_secret("text")
    info = secrets_info()
    assert (info.source, info.reason) == ("extension", "the setting source says so")
    assert (info.fetches, len(asked_for.requests)) == (2, 2)


class RefusedError(Exception):
    pass


async def test_with_the_agent_a_rotation_is_recovered_from(asked_for: ExtensionServer) -> None:
    def use(password: str) -> str:
        if password != "pl4nted-newer":
            raise RefusedError
        return password

    await get_secret("text")
    asked_for.vault.put("text", "pl4nted-newer")
    if asked_for.agent:
        assert await with_secret("text", use, retry_on=RefusedError) == "pl4nted-newer"
    else:
        # What the extension has cached, it serves until its own time for it is over.
        with pytest.raises(RefusedError):
            await with_secret("text", use, retry_on=RefusedError)
