"""The direct source against a service with real TLS that checks every signature."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import types
import warnings

import pytest
from support.black_hole import swallowing_syns
from support.certificates import Certificates
from support.faults import (
    AtConnect,
    Held,
    body,
    chunked,
    close_after,
    error,
    huge,
    longer_than_told,
    no_body,
    non_json,
    raw,
    reset,
    reset_mid_body,
    reset_mid_header,
    shorter_than_told,
    silent,
    stall,
    throttled,
    trickle,
    truncated,
)
from support.http_server import HttpServer
from support.leaks import assert_absent
from support.secret_service import REGION, SecretService

from core_backend._settings import Settings
from core_backend.errors import (
    ConfigurationError,
    CoreBackendError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
)
from core_backend.sources.direct import DirectSource
from core_backend.sources.protocol import SecretRequest
from core_backend.testing.clock import FakeClock

REQUEST = SecretRequest("db")


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


@pytest.fixture
def service(certificates):
    secrets = {"db": "pl4nted-db", "bin": b"pl4nted-\xff\x00"}
    with SecretService(secrets, certificates=certificates, verify=True) as running:
        yield running


class Environ(dict):
    """An environment that tests tell from what the source makes of it."""


def source_of(service, **settings):
    given = Settings().replace(**{"connect_timeout": 5, "read_timeout": 5, **settings})
    return DirectSource(given, Environ(service.environ), FakeClock())


@pytest.fixture
async def source(service):
    made = source_of(service)
    yield made
    await made.aclose()


async def test_a_value_comes_with_its_version_over_a_verified_request(service, source):
    found = await source.fetch(REQUEST)
    assert found.value == "pl4nted-db"
    assert (
        found.version_id == service.vault.answer("GetSecretValue", {"SecretId": "db"})["VersionId"]
    )
    assert (await source.fetch(SecretRequest("bin"))).value == b"pl4nted-\xff\x00"
    assert [call.nth for call in service.calls] == [1, 2]
    assert {call.scope for call in service.calls} == {
        f"20231114/{REGION}/secretsmanager/aws4_request"
    }


@pytest.mark.parametrize(
    "secret_id", ["a/b_c+d=e.f@g-h", 'a"b\\c', "\u00fc\u00f1\u4e2d\U0001f511", "x" * 2048, "a:b c"]
)
async def test_unusual_ids_are_signed_right(service, source, secret_id):
    service.put(secret_id, "pl4nted-unusual")
    assert (await source.fetch(SecretRequest(secret_id))).value == "pl4nted-unusual"


async def test_stages_versions_and_arns_are_asked_for(service, source):
    old = (await source.fetch(REQUEST)).version_id
    new = service.put("db", "pl4nted-new")
    assert (await source.fetch(REQUEST)).version_id == new
    assert (await source.fetch(SecretRequest("db", stage="AWSPREVIOUS"))).version_id == old
    assert (await source.fetch(SecretRequest("db", version_id=old))).value == "pl4nted-db"
    arn = service.vault.arn("db")
    assert (await source.fetch(SecretRequest(arn))).version_id == new
    elsewhere = arn.replace(REGION, "us-west-2")
    with pytest.raises(SecretNotFoundError):
        await source.fetch(SecretRequest(elsewhere))
    assert service.calls[-1].scope.split("/")[1] == "us-west-2"


async def test_over_plain_http_on_this_machine_it_is_the_same():
    answer = {"VersionId": "v", "SecretString": "pl4nted-plain"}
    with HttpServer(answer) as server:
        environ = {
            "AWS_ENDPOINT_URL": f"http://localhost:{server.port}",
            "AWS_ACCESS_KEY_ID": "A",
            "AWS_SECRET_ACCESS_KEY": "pl4nted",
            "AWS_REGION": REGION,
        }
        source = DirectSource(Settings(), environ, FakeClock())
        assert (await source.fetch(REQUEST)).value == "pl4nted-plain"
        await source.aclose()
        [request] = server.requests
        assert request.headers["host"] == f"localhost:{server.port}"
        assert request.headers["user-agent"] == "core_backend"
        assert "x-amz-security-token" not in request.headers


# Before 3.12.3, TLS reports a reset as an end.
RESET = "the connection ended before the answer did|Connection reset"
FAULTS = [
    (AtConnect.REFUSE, SecretUnavailableError, "Connection reset"),
    (AtConnect.CLOSE_AFTER_HANDSHAKE, SecretUnavailableError, RESET),
    (reset, SecretUnavailableError, RESET),
    (reset_mid_header, SecretUnavailableError, RESET),
    (reset_mid_body, SecretUnavailableError, RESET),
    (truncated, SecretUnavailableError, "ended before the answer did"),
    (longer_than_told, SecretUnavailableError, "longer than it says"),
    (huge, SecretUnavailableError, "too large"),
    (non_json, SecretUnavailableError, "no secret"),
    (no_body, SecretUnavailableError, "no secret"),
    (body(b"[" * 500_000), SecretUnavailableError, "no secret"),
    (body(b'{"VersionId": "v", "SecretString": ["pl4nted"]}'), SecretUnavailableError, "no secret"),
    (body(b"pl4nted", status=302), SecretUnavailableError, "HTTP 302 without"),
    (raw(b"SSH-2.0-pl4nted\r\n\r\n"), SecretUnavailableError, "no HTTP"),
    (throttled, SecretThrottledError, "ThrottlingException"),
    (error("InternalServiceError", status=500), SecretUnavailableError, "InternalServiceError"),
    (error("AccessDeniedException"), SecretAccessDeniedError, "AccessDenied"),
    (
        error("AccessDeniedException", "Access to KMS is not allowed"),
        SecretDecryptionError,
        "kms:Decrypt",
    ),
    (error("DecryptionFailure"), SecretDecryptionError, "DecryptionFailure"),
    (error("InvalidRequestException", "marked for deletion"), SecretDeletedError, "deletion"),
    (error("ResourceNotFoundException"), SecretNotFoundError, "does not exist"),
    (error("ResourceNotFoundException", "staging label"), SecretNotSetError, "no value"),
    (error("ExpiredTokenException"), SecretAccessDeniedError, "credentials were refused"),
    (error("ValidationException", "pl4nted"), ConfigurationError, "ValidationException"),
]


@pytest.mark.parametrize(("fault", "kind", "words"), FAULTS)
async def test_each_fault_is_one_call_and_one_error_that_holds_nothing(
    service, source, fault, kind, words
):
    service.script(fault)
    with pytest.raises(kind, match=words) as caught:
        await source.fetch(REQUEST)
    assert type(caught.value) is kind
    assert "'db'" in str(caught.value)
    assert len(service.calls) == (0 if isinstance(fault, AtConnect) else 1)
    assert_holds_nothing(caught.value)
    # And the next is served.
    assert (await source.fetch(REQUEST)).value == "pl4nted-db"


@pytest.mark.parametrize("fault", [chunked, close_after])
async def test_what_only_looks_odd_is_served(service, source, fault):
    service.script(fault)
    for _ in range(2):
        assert (await source.fetch(REQUEST)).value == "pl4nted-db"


@pytest.mark.parametrize("fault", [silent, stall, shorter_than_told, trickle(0.02)])
async def test_an_answer_that_does_not_end_in_time_is_a_timeout(service, fault):
    source = source_of(service, read_timeout=0.15)
    service.script(fault)
    with pytest.raises(SecretTimeoutError, match="'db': .* no answer within 0.15 s") as caught:
        await source.fetch(REQUEST)
    assert_holds_nothing(caught.value)
    assert len(service.calls) == 1
    service.wait_for_open(0)


async def test_a_connection_that_does_not_come_in_time_is_a_timeout(service):
    source = source_of(service, connect_timeout=0.1)
    service.script(AtConnect.BLACK_HOLE)
    with pytest.raises(SecretTimeoutError, match="no connection within 0.1 s. A function in a VPC"):
        await source.fetch(REQUEST)
    with swallowing_syns() as port:
        source._environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = f"https://127.0.0.1:{port}"
        with pytest.raises(SecretTimeoutError, match="no connection within"):
            await source.fetch(REQUEST)
    assert not service.calls


async def test_an_untrusted_server_is_a_matter_of_configuration(service, source):
    others = Certificates()
    source._environ["AWS_CA_BUNDLE"] = others.ca_file
    with pytest.raises(
        ConfigurationError, match="nothing was sent; .* set AWS_CA_BUNDLE"
    ) as caught:
        await source.fetch(REQUEST)
    assert_holds_nothing(caught.value)
    assert not service.calls


async def test_nothing_listens(service, source):
    with (
        service.refusing(),
        pytest.raises(SecretUnavailableError, match="no connection: Connection refused"),
    ):
        await source.fetch(REQUEST)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "set AWS_REGION"),
        ({"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://10.0.0.1"}, "plain http"),
        ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID is not set"),
        ({"AWS_SESSION_TOKEN": "pl4nted\n"}, "AWS_SESSION_TOKEN has"),
    ],
)
async def test_what_is_wrong_with_the_environment_is_said_before_anything_is_sent(
    service, source, change, words
):
    source.check(REQUEST)
    source._environ |= change
    with pytest.raises(ConfigurationError, match=words) as caught:
        source.check(REQUEST)
    assert_holds_nothing(caught.value)
    with pytest.raises(ConfigurationError, match=words) as caught:
        await source.fetch(REQUEST)
    assert_holds_nothing(caught.value)
    assert not service.connections


async def test_rotated_credentials_are_used_by_the_next_fetch(service, source):
    await source.fetch(REQUEST)
    service.keys = {"ASIANEW": "pl4nted-new-key"}
    with pytest.raises(SecretAccessDeniedError, match="credentials were refused"):
        await source.fetch(REQUEST)
    source._environ |= {"AWS_ACCESS_KEY_ID": "ASIANEW", "AWS_SECRET_ACCESS_KEY": "pl4nted-new-key"}
    await source.fetch(REQUEST)
    assert [call.access_key for call in service.calls] == ["AKIDEXAMPLE"] * 2 + ["ASIANEW"]


async def test_a_containers_credentials_are_asked_for_anew_once_they_were_refused(service, source):
    answer = {
        "AccessKeyId": "AKIDEXAMPLE",
        "SecretAccessKey": service.keys["AKIDEXAMPLE"],
        "Token": "pl4nted-container-token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    with HttpServer({**answer, "AccessKeyId": "ASIAOLD"}) as container:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            del source._environ[name]
        uri = f"http://127.0.0.1:{container.port}/"
        source._environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri
        with pytest.raises(SecretAccessDeniedError):
            await source.fetch(REQUEST)
        container.answer = answer
        for _ in range(2):
            assert (await source.fetch(REQUEST)).value == "pl4nted-db"
        assert len(container.requests) == 2
        await source.aclose()
        container.answer = b"pl4nted"
        with pytest.raises(SecretUnavailableError, match="holds no credentials") as caught:
            await source.fetch(REQUEST)
        assert_holds_nothing(caught.value)


def test_it_serves_one_loop_after_another(service):
    source = source_of(service)

    async def once():
        value = (await source.fetch(REQUEST)).value
        await source.aclose()
        await source.aclose()
        return value

    assert [asyncio.run(once()) for _ in range(3)] == ["pl4nted-db"] * 3
    service.wait_for_open(0)


@pytest.mark.parametrize("fault", [AtConnect.BLACK_HOLE, silent, stall])
async def test_a_cancelled_fetch_leaves_nothing_behind(service, source, fault):
    service.script(fault)
    fetch = asyncio.create_task(source.fetch(REQUEST))
    if isinstance(fault, AtConnect):
        await asyncio.to_thread(service.wait_for_open, 1)
    else:
        await service.arrived(1)
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await fetch
    assert_absent(repr(frames_of(caught.value)))
    service.wait_for_open(0)


def test_a_forked_child_can_leave_it_behind(service):
    async def talk():
        source = source_of(service)
        await source.fetch(REQUEST)
        held = Held()
        service.script(held)
        fetch = asyncio.create_task(source.fetch(REQUEST))
        await service.arrived(2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that threads are running
            child = os.fork()
        if not child:
            source.abandon()
            os._exit(0 if source._pool is None else 1)
        assert os.waitpid(child, 0)[1] == 0  # noqa: ASYNC222  # it is about to end
        held.release()
        assert (await fetch).value == "pl4nted-db"
        await source.aclose()

    asyncio.run(talk())
    assert [call.connection for call in service.calls] == [1, 1]


def test_a_cold_fetch_imports_nothing_that_it_does_not_need(service):
    program = """
import asyncio, json, os, sys, core_backend
from core_backend._clock import SystemClock
from core_backend._settings import Settings
from core_backend.sources.protocol import SecretRequest
from core_backend.sources._http import Broken
from core_backend.sources._resolver import Resolver

before = set(sys.modules)
from core_backend.sources.direct import DirectSource

async def main():
    source = DirectSource(Settings(), os.environ, SystemClock())
    assert (await source.fetch(SecretRequest("db"))).value
    try:
        await Resolver().start(64 * "a" + ".invalid", 443)
    except Broken:
        pass
    await source.aclose()

asyncio.run(main())
print(*(name for name in set(sys.modules) - before if not name.startswith("core_backend.")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **service.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) <= {"_hashlib"}


def frames_of(error):
    """Return the local variables of every frame that an exception leads to."""
    found, todo = [], [error]
    while todo:
        one = todo.pop()
        todo += [more for more in (one.__cause__, one.__context__) if more is not None]
        step = one.__traceback__
        while step is not None:
            if step.tb_frame.f_globals["__name__"].startswith("core_backend"):
                found += list(step.tb_frame.f_locals.values())
            step = step.tb_next
    return found


def assert_holds_nothing(error):
    """Assert that no answer, token or key can be reached from an exception.

    The source itself can, and holds the environment, as any part of the process can.
    """
    assert isinstance(error, CoreBackendError)
    assert error.__cause__ is error.__context__ is None
    beyond = (types.ModuleType, type, types.FunctionType, asyncio.AbstractEventLoop, Environ)
    seen, todo = set(), [error.args, error.__dict__, *frames_of(error)]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, beyond):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            assert_absent(str.__str__(one))
        elif isinstance(one, (bytes, bytearray)):
            assert_absent(bytes(one))
        todo += gc.get_referents(one)
    assert any(isinstance(one, DirectSource) for one in frames_of(error))
