"""The source that asks the extension or the agent next door: what it is answered."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.extension_server import ExtensionServer
from support.extension_sources import TOKEN, fetch, source_at
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
    configure,
    get_secret,
)
from core_backend.sources import SecretRequest


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


async def test_the_agent_says_why(agent: ExtensionServer) -> None:
    agent.vault.create_empty("empty")
    absent, empty = await fetch(source_at(agent.port), "absent", "empty")
    assert type(absent) is SecretNotFoundError
    assert type(empty) is SecretNotSetError


async def test_the_extension_does_not_say_why(extension: ExtensionServer) -> None:
    [error] = await fetch(source_at(extension.port), "absent")
    assert type(error) is SecretAccessDeniedError
    assert "gives the reason only in its own log" in str(error)


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
async def test_any_wrong_answer_becomes_an_error_that_quotes_nothing(
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
