"""The source that asks the extension or the agent next door: ports, tokens, settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from support.extension_sources import PORT, TOKEN, fetch, source_at

from core_backend import ConfigurationError, get_secret, get_secrets, secrets_info, with_secret
from core_backend._configuration import Settings
from core_backend.sources import SecretRequest
from core_backend.sources.extension import ExtensionSource
from core_backend.testing.clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from support.extension_server import ExtensionServer


def test_the_usual_port_is_the_documented_one() -> None:
    source = ExtensionSource(Settings(), {"AWS_SESSION_TOKEN": TOKEN}, FakeClock(), "/nonexistent")
    assert source._endpoint().authority == "localhost:2773"


async def test_warming_sends_nothing() -> None:
    source = source_at(1)
    await source.warm()
    assert source._pool is None


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
        with pytest.raises(ConfigurationError, match="there is no token for the extension"):
            token_of(environ)
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="AWS_TOKEN is not set, or its file cannot be"):
        token_of({"AWS_TOKEN": f"file://{tmp_path}/binary"})


def test_a_token_may_have_a_space_in_it() -> None:
    environ = {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic pl4nted"}
    assert token_of(environ) == "Basic pl4nted"


@pytest.mark.parametrize("token", ["pl4nted\r\nhost: x", "pl4nted ", "pl4nted-tökén"])
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
