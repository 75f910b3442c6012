"""Who is asked, and for what: row 29. Nothing is sent to whom it is not meant for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import pytest

from core_backend import (
    ConfigurationError,
    InvalidSecretNameError,
    SecretAccessDeniedError,
    SecretError,
    SecretName,
    configure,
    get_secret,
    get_secrets,
)


class Listener:
    """A port of this machine that keeps what it is sent, and hangs up."""

    def __init__(self):
        self.heard = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._socket.accept()
                with caller:
                    self.heard.append(caller.recv(65_536))

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.close()


# On Linux 0.0.0.0 is this machine too, so that what is sent there would be heard.
@pytest.mark.parametrize(
    "url",
    [
        "http://0.0.0.0:{port}",
        "http://localhost@0.0.0.0:{port}",
        "http://127.0.0.1@0.0.0.0:{port}/",
        "http://127.0.0.1.evil.example:{port}",
        "http://localhost.evil.example:{port}",
        "http://evil.example/?http://127.0.0.1:{port}",
        "HTTP://0.0.0.0:{port}",
        "ftp://127.0.0.1:{port}",
        "//0.0.0.0:{port}",
        "0.0.0.0:{port}",
    ],
)
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"])
async def test_row_29_a_plain_http_endpoint_that_is_not_this_machine_is_refused(
    process, environ, listener, url, variable
):
    environ.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")
    environ.setenv(variable, url.format(port=listener.port))
    with pytest.raises(ConfigurationError) as caught:
        await get_secret("db")
    assert variable in str(caught.value)
    assert process.calls == 0
    assert listener.heard == []


async def test_row_29_what_is_for_this_machine_is_not_given_to_a_proxy(process, environ, listener):
    proxy = Listener()
    environ.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{listener.port}")
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        environ.setenv(name, f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(SecretError):
        await get_secret("db")
    proxy.close()
    assert listener.heard[0].startswith(b"POST / ")
    assert proxy.heard == []
    assert process.calls == 0


async def test_row_29_a_proxy_sees_neither_the_request_nor_the_credentials(
    process, environ, source, listener
):
    environ.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://secrets.example")
    environ.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.port}")
    kind = ConfigurationError if source == "direct" else SecretError
    with pytest.raises(kind):
        await get_secret("db")
    assert process.calls == 0
    for heard in listener.heard:
        assert heard.startswith(b"CONNECT secrets.example:443 ")
        assert b"Authorization: AWS4" not in heard
        assert b"pl4nted" not in heard


HOSTILE = [
    "",
    " ",
    "db ",
    "db\r\nX-Amz-Target: secretsmanager.DeleteSecret",
    "db\0",
    'db","VersionStage":"AWSPREVIOUS',
    "db\u202e",
    "d\u0131b",
    "\ud800",
    "x" * 2049,
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db\n",
    "db*",
    None,
    42,
    ["db"],
    {"SecretId": "db"},
    b"db",
]

# What json.dumps can put into an event.
HOSTILE_IN_JSON = [one for one in HOSTILE if not isinstance(one, bytes)]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: ascii(hostile)[:30])
async def test_row_29_a_hostile_id_out_of_an_event_is_refused_before_anything_is_sent(
    process, hostile
):
    for fresh in (False, True):
        with pytest.raises(InvalidSecretNameError):
            get_secret(hostile, fresh=fresh)
    with pytest.raises(InvalidSecretNameError):
        get_secrets("db", hostile)
    await asyncio.sleep(0.01)
    assert process.calls == 0


@pytest.mark.parametrize("batch", [False, True], ids=["singly", "in batches"])
async def test_row_29_a_name_on_the_list_allows_itself_and_a_prefix_what_begins_with_it(
    process, service, environ, batch
):
    for name in ("prod/db", "db2", "dev/prod/db", "prod"):
        service.put(name, f"pl4nted-{name}")
    environ.setenv("DB", "db")
    with configure(allow=["db", "prod/*"], batch=batch):
        for refused in ("db2", "d", "DB", "prod", "Prod/db", "dev/prod/db", "xdb"):
            for fresh in (False, True):
                with pytest.raises(SecretAccessDeniedError, match="the setting allow"):
                    get_secret(refused, fresh=fresh)
            # Not even the others are asked for.
            with pytest.raises(SecretAccessDeniedError):
                get_secrets("db", "prod/db", refused)
        with pytest.raises(InvalidSecretNameError):
            get_secret("prod/*")
        await asyncio.sleep(0.01)
        assert process.calls == 0

        assert await get_secrets("db", "prod/db") == ("pl4nted-db", "pl4nted-prod/db")
        assert await get_secret(SecretName("db")) == "pl4nted-db"
    assert process.calls == (1 if batch else 2)


async def test_row_29_an_arn_is_allowed_as_an_arn_and_a_name_as_a_name(process, service):
    service.put("prod/db", "pl4nted-prod")
    name, arn = "prod/db", service.vault.arn("prod/db")
    lists = {
        name: ("prod/db", "prod/*", "p*"),
        arn: (arn, arn.replace("db-AbCdEf", "*"), "arn:aws:secretsmanager:*"),
    }
    for allowed, refused in ((name, arn), (arn, name)):
        for entry in lists[allowed]:
            with configure(allow=[entry]):
                assert await get_secret(allowed) == "pl4nted-prod"
                with pytest.raises(SecretAccessDeniedError):
                    get_secret(refused)
    with configure(allow=[arn]):
        # The service would understand the first, and find another secret by the second.
        for other in (arn[:-7], f"{arn}x", arn.replace(":1234", ":9234"), arn.upper()):
            with pytest.raises(SecretAccessDeniedError):
                get_secret(other)
    assert sorted(call.secret_id for call in service.calls) == [arn, name]


async def test_row_29_the_list_holds_for_every_stage_and_version(process, service, environ):
    service.put("db", "pl4nted-new")
    environ.setenv("DB", "db")
    environ.setenv("OTHER", "other")
    other = SecretName("other")
    with configure(allow=["db"]):
        for refused in (other, other.staged("AWSPREVIOUS"), other.versioned("v"), other.json()):
            with pytest.raises(SecretAccessDeniedError):
                get_secret(refused)
        assert process.calls == 0
        assert await get_secret(SecretName("db").staged("AWSPREVIOUS")) == "pl4nted-db"
    assert process.calls == 1


def test_row_29_an_event_can_fetch_only_what_is_on_the_list(deployed, service, fingerprint):
    for name in ("prod/db", "payroll"):
        service.put(name, "pl4nted-db")
    function = deployed("reader.handler", env={"CORE_BACKEND_ALLOW": "db, prod/*"})
    for hostile in (*HOSTILE_IN_JSON, "payroll", service.vault.arn("db")):
        for fresh in (False, True):
            refused = function.invoke({"read": ["db", hostile], "fresh": fresh}).error
            assert refused.type in {"InvalidSecretNameError", "SecretAccessDeniedError"}
    assert service.calls == []
    read = function.invoke({"read": ["db", "prod/db"]})
    assert read.payload["values"] == [fingerprint("pl4nted-db")] * 2
    assert len(service.calls) == 2


async def test_row_29_a_list_that_is_set_later_holds_for_what_is_at_hand(process):
    kept = get_secret("db")
    await kept
    with configure(allow=["other"]):
        for again in (lambda: kept, lambda: get_secret("db")):
            with pytest.raises(SecretAccessDeniedError, match="allow"):
                await again()
    assert process.calls == 1
    assert await kept == "pl4nted-db"
    assert process.calls == 2
