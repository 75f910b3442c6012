"""Whose credentials sign, and that they are the ones of now."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from support.http_server import HttpServer
from support.processes import no_descriptors
from support.secret_service import SecretService

from core_backend._configuration import Settings
from core_backend.errors import ConfigurationError
from core_backend.sources.credentials import CredentialSource, _read_file
from core_backend.sources.http.messages import Broken
from core_backend.sources.http.pool import Pool
from core_backend.testing.clock import FakeClock

WALL = 1_800_000_000.0  # 2027-01-15T08:00:00Z
ANSWER = {
    "AccessKeyId": "ASIAEXAMPLE",
    "SecretAccessKey": "pl4nted-secret-key",
    "Token": "pl4nted-token",
    "Expiration": "2027-01-15T09:00:00Z",
}


class World:
    def __init__(self, **environ):
        self.environ = environ
        self.clock = FakeClock(wall=WALL)
        self.pool = Pool(Settings(), self.clock, environ)
        self.source = CredentialSource(environ, self.clock)

    async def current(self):
        found = await self.source.current(self.pool)
        return found.access_key_id, str(found.secret_access_key), found.session_token


@pytest.fixture
def endpoint():
    with HttpServer(ANSWER) as server:
        yield server


@pytest.fixture
async def container(endpoint):
    world = World(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://127.0.0.1:{endpoint.port}/v1/c?x=1")
    yield world
    world.pool.close()


async def test_the_environments_are_read_anew_each_time():
    world = World(AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="pl4nted-1")
    assert await world.current() == ("A", "pl4nted-1", None)
    world.environ |= {"AWS_SECRET_ACCESS_KEY": "pl4nted-2", "AWS_SESSION_TOKEN": "pl4nted-3"}
    assert await world.current() == ("A", "pl4nted-2", "pl4nted-3")
    world.environ["AWS_SESSION_TOKEN"] = ""
    assert await world.current() == ("A", "pl4nted-2", None)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "there are no credentials"),
        ({"AWS_ACCESS_KEY_ID": "A"}, "AWS_SECRET_ACCESS_KEY is not set"),
        ({"AWS_SECRET_ACCESS_KEY": "pl4nted"}, "AWS_ACCESS_KEY_ID is not set"),
        (
            {"AWS_ACCESS_KEY_ID": "pl4nted\n", "AWS_SECRET_ACCESS_KEY": "x"},
            "AWS_ACCESS_KEY_ID has spaces, line ends",
        ),
        (
            {"AWS_ACCESS_KEY_ID": "pl4nted A", "AWS_SECRET_ACCESS_KEY": "x"},
            "AWS_ACCESS_KEY_ID has spaces, line ends",
        ),
        (
            {
                "AWS_ACCESS_KEY_ID": "A",
                "AWS_SECRET_ACCESS_KEY": "x",
                "AWS_SESSION_TOKEN": "pl4nted\r\nX-Evil: 1",
            },
            "AWS_SESSION_TOKEN has spaces, line ends",
        ),
        # As os.environ gives bytes that are not UTF-8.
        (
            {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "pl4nted\udcff"},
            "AWS_SECRET_ACCESS_KEY has spaces, line ends or other characters",
        ),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "nonsense"}, "FULL_URI is not a usable URL"),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.0.0.1/"}, "10.0.0.1 over plain http"),
        ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ".evil.example/"}, "169.254.170.2.evil"),
        (
            {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "@evil.example/"},
            "RELATIVE_URI is not a usable URL",
        ),
    ],
)
async def test_what_cannot_be_right_is_said_at_once_and_before_anything_is_sent(environ, words):
    world = World(**environ)
    with pytest.raises(ConfigurationError, match=words) as caught:
        await world.current()
    assert "pl4nted" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=words):
        world.source.check()


async def test_a_containers_are_asked_for_once_until_five_minutes_before_their_end(
    container, endpoint
):
    container.source.check()
    assert not endpoint.requests
    for _ in range(2):
        assert await container.current() == ("ASIAEXAMPLE", "pl4nted-secret-key", "pl4nted-token")
    [request] = endpoint.requests
    assert (request.method, request.path) == ("GET", "/v1/c?x=1")
    assert request.headers["host"] == f"127.0.0.1:{endpoint.port}"
    assert "authorization" not in request.headers
    container.clock.advance(3_299)
    await container.current()
    assert len(endpoint.requests) == 1
    container.clock.freeze(1)
    await container.current()
    assert len(endpoint.requests) == 2


async def test_many_who_ask_at_once_share_one_answer_even_one_that_cannot_be_kept(
    container, endpoint
):
    endpoint.answer = {**ANSWER, "Expiration": "2027-01-15T08:04:00Z"}
    await asyncio.gather(*(container.current() for _ in range(10)))
    assert len(endpoint.requests) == 1
    container.clock.advance(1)
    await container.current()
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    ("expiration", "seconds"),
    [
        ("2027-01-15T09:00:00Z", 3_300),
        ("2027-01-15T09:00:00.123456+00:00", 3_300),
        ("2027-01-15T10:00:00+01:00", 3_300),
        ("2027-01-15T09:00:00", 3_300),
        (None, 1),
        ("", 1),
    ],
)
async def test_the_end_is_kept_in_each_notation(container, endpoint, expiration, seconds):
    endpoint.answer = {**ANSWER, "Expiration": expiration}
    await container.current()
    container.clock.advance(seconds - 0.5)
    await container.current()
    assert len(endpoint.requests) == 1
    container.clock.advance(1)
    await container.current()
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize("fault", ["nothing listens", "HTTP 500", "no credentials"])
async def test_credentials_that_are_still_valid_serve_while_their_endpoint_fails(
    container, endpoint, fault
):
    await container.current()
    container.clock.advance(3_301)
    with contextlib.ExitStack() as broken:
        if fault == "nothing listens":
            broken.enter_context(endpoint.refusing())
            endpoint.close_connections()
        else:
            endpoint.answer = b"{}"
            endpoint.status = 500 if fault == "HTTP 500" else 200
        for _ in range(2):
            assert (await container.current())[0] == "ASIAEXAMPLE"
        # The endpoint is tried again every ten seconds, not for each fetch.
        assert len(endpoint.requests) == 1 + (fault != "nothing listens")
        container.clock.advance(298)
        assert (await container.current())[0] == "ASIAEXAMPLE"
        container.clock.advance(2)
        with pytest.raises(Broken):
            await container.current()
    endpoint.answer, endpoint.status = {**ANSWER, "AccessKeyId": "ASIANEW"}, 200
    assert (await container.current())[0] == "ASIANEW"


async def test_so_they_do_while_it_is_not_trusted_or_no_descriptor_is_left(container, tmp_path):
    await container.current()
    container.clock.advance(3_301)
    with SecretService() as untrusted:
        url = f"https://127.0.0.1:{untrusted.port}/credentials"
        container.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url
        assert (await container.current())[0] == "ASIAEXAMPLE"
        assert untrusted.connections > 0
    container.clock.advance(11)
    (tmp_path / "token").write_text("pl4nted")
    container.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(tmp_path / "token")
    with no_descriptors():
        assert (await container.current())[0] == "ASIAEXAMPLE"


async def test_credentials_that_were_refused_do_not_serve_while_their_endpoint_fails(
    container, endpoint
):
    await container.current()
    endpoint.answer = b"{}"
    container.source.forget()
    with pytest.raises(Broken):
        await container.current()


async def test_what_was_refused_is_asked_for_again(container, endpoint):
    await container.current()
    endpoint.answer = {**ANSWER, "AccessKeyId": "ASIANEW"}
    container.source.forget()
    assert (await container.current())[0] == "ASIANEW"


async def test_one_who_stops_waiting_leaves_it_to_the_next(container, endpoint):
    first = asyncio.create_task(container.current())
    second = asyncio.create_task(container.current())
    await asyncio.sleep(0)
    first.cancel()
    assert (await second)[0] == "ASIAEXAMPLE"


async def test_the_token_is_sent_and_a_file_read_anew_wins(container, endpoint, tmp_path):
    container.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "Basic pl4nted-from-variable"
    await container.current()
    path = tmp_path / "token"
    container.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(path)
    for token in ("pl4nted-one", "Bearer pl4nted-two"):
        path.write_text(token)
        container.source.forget()
        await container.current()
    sent = [request.headers["authorization"] for request in endpoint.requests]
    assert sent == ["Basic pl4nted-from-variable", "pl4nted-one", "Bearer pl4nted-two"]


async def test_a_token_that_no_header_can_carry_is_not_sent(container, endpoint, tmp_path):
    for token in ("pl4nted\tt", "pl4nted\x7f", " pl4nted", "pl4nted ", "pl4nted\r\nX: 1"):
        container.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = token
        with pytest.raises(ConfigurationError, match="TOKEN has line ends") as caught:
            await container.current()
        assert "pl4nted" not in str(caught.value)
    path = tmp_path / "token"
    container.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(path)
    with pytest.raises(ConfigurationError, match="cannot be read .FileNotFoundError"):
        await container.current()
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        _read_file(str(path))
    # A line end at its end is one too, for botocore as well.
    path.write_text("pl4nted-t\n")
    with pytest.raises(ConfigurationError, match="TOKEN_FILE has line ends") as caught:
        await container.current()
    path.write_text("pl4nted-\u00fc")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        await container.current()
    assert "pl4nted" not in str(caught.value)
    assert not endpoint.requests


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"pl4nted",
        b"\xff",
        b"[" * 100_000,
        [ANSWER],
        {},
        {"AccessKeyId": "A"},
        {**ANSWER, "AccessKeyId": 1},
        {**ANSWER, "AccessKeyId": ""},
        {**ANSWER, "SecretAccessKey": None},
        {**ANSWER, "Token": ["pl4nted"]},
        {**ANSWER, "Token": "pl4nted\r\n"},
        {**ANSWER, "Token": "pl4nted token"},
        {**ANSWER, "Expiration": "soon"},
        {**ANSWER, "Expiration": 12},
    ],
)
async def test_an_answer_without_credentials_is_broken_and_not_shown(container, endpoint, answer):
    endpoint.answer = answer
    with pytest.raises(Broken, match="127.0.0.1:.*holds no credentials") as caught:
        await container.current()
    assert "pl4nted" not in str(caught.value)


async def test_a_refusal_is_broken(container, endpoint):
    endpoint.status = 403
    with pytest.raises(Broken, match="no credentials, but HTTP 403"):
        await container.current()


@pytest.mark.parametrize("host", ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost"])
def test_the_addresses_of_ecs_and_eks_are_taken(host):
    World(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://{host}/x").source.check()
    World(AWS_CONTAINER_CREDENTIALS_FULL_URI="https://any.example/x").source.check()
    World(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/x").source.check()
