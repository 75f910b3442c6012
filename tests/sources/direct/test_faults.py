"""The direct source when the service or the network fails: one call, one error."""

from __future__ import annotations

import pytest
from support.black_hole import swallowing_syns
from support.certificates import Certificates
from support.direct_sources import REQUEST, source_of
from support.faults import (
    AtConnect,
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

from core_backend.errors import (
    ConfigurationError,
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretTimeoutError,
    SecretUnavailableError,
)

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
async def test_each_fault_is_one_call_and_one_error(service, source, fault, kind, words):
    service.script(fault)
    with pytest.raises(kind, match=words) as caught:
        await source.fetch(REQUEST)
    assert type(caught.value) is kind
    assert "'db'" in str(caught.value)
    assert len(service.calls) == (0 if isinstance(fault, AtConnect) else 1)
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
    with pytest.raises(SecretTimeoutError, match="'db': .* no answer within 0.15 s"):
        await source.fetch(REQUEST)
    service.wait_for_open(0)
    # It is sent once; whether a slow server reads it before it is given up is another matter.
    assert len(service.calls) <= 1


async def test_a_connection_that_does_not_come_in_time_is_a_timeout(service):
    source = source_of(service, connect_timeout=0.1)
    service.script(AtConnect.BLACK_HOLE)
    with pytest.raises(
        SecretTimeoutError, match=r"no connection within 0.1 s\. A function in a VPC"
    ):
        await source.fetch(REQUEST)
    with swallowing_syns() as port:
        source._environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = f"https://127.0.0.1:{port}"
        with pytest.raises(SecretTimeoutError, match="no connection within"):
            await source.fetch(REQUEST)
    assert not service.calls


async def test_an_untrusted_server_is_a_matter_of_configuration(service, source):
    others = Certificates()
    source._environ["AWS_CA_BUNDLE"] = others.ca_file
    with pytest.raises(ConfigurationError, match=r"nothing was sent\. .* set AWS_CA_BUNDLE"):
        await source.fetch(REQUEST)
    assert not service.calls


async def test_nothing_listens(service, source):
    with (
        service.refusing(),
        pytest.raises(SecretUnavailableError, match="no connection: Connection refused"),
    ):
        await source.fetch(REQUEST)
