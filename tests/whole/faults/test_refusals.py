"""Revocation bites, and credentials are read again: rows 10 and 24."""

from __future__ import annotations

import asyncio

import pytest
from support.faults import Held, error

from core_backend import (
    SecretAccessDeniedError,
    SecretDecryptionError,
    SecretDeletedError,
    SecretNotFoundError,
    SecretNotSetError,
    get_secret,
)

REFUSALS = [
    ("AccessDeniedException", "not authorized to perform", SecretAccessDeniedError),
    ("AccessDeniedException", "Access to KMS is not allowed", SecretDecryptionError),
    ("DecryptionFailure", "", SecretDecryptionError),
    ("DecryptionFailureException", "", SecretDecryptionError),
    ("InvalidRequestException", "marked for deletion", SecretDeletedError),
    ("ResourceNotFoundException", "can't find the specified secret", SecretNotFoundError),
]


@pytest.fixture(params=REFUSALS, ids=lambda refusal: f"{refusal[0]}-{refusal[1][:12]}")
def refusal(request):
    return request.param


async def test_row_10_a_refused_refresh_raises_and_forgets_the_value(process, service, refusal):
    code, message, kind = refusal
    await get_secret("db")
    service.forget()
    service.always(error(code, message))
    process.clock.advance(331)
    with pytest.raises(kind):
        await get_secret("db")
    assert process.calls == 1
    assert process.store.cache.find("db") is None
    with pytest.raises(kind):
        await get_secret("db")
    assert process.calls == 1
    assert process.sleeps == []


async def test_row_10_a_refusal_in_the_background_ends_a_value_before_its_ttl(process, service):
    pending = get_secret("db")
    await pending
    service.forget()
    refusal = Held(error("AccessDeniedException"))
    service.script(refusal)
    process.clock.advance(250)
    assert await get_secret("db") == "pl4nted-db"
    await service.arrived(1)
    refusal.release()
    await landed(process)
    for handle in (get_secret("db"), pending):
        with pytest.raises(SecretAccessDeniedError):
            await handle
    assert process.calls == 1


async def test_row_10_a_handle_kept_from_before_does_not_outlive_a_refusal(process, service):
    kept = get_secret("db")
    await kept
    service.forget()
    service.script(error("AccessDeniedException"))
    with pytest.raises(SecretAccessDeniedError):
        await get_secret("db", fresh=True)
    with pytest.raises(SecretAccessDeniedError):
        await kept
    with pytest.raises(SecretAccessDeniedError):
        kept.result()
    assert process.calls == 1


async def test_row_10_a_transient_failure_after_the_refusal_finds_nothing_stale(process, service):
    await get_secret("db")
    service.forget()
    service.script(error("AccessDeniedException"))
    service.always(error("InternalServiceError", status=500))
    process.clock.advance(331)
    with pytest.raises(SecretAccessDeniedError):
        await get_secret("db")
    process.clock.advance(5.1)
    with pytest.raises(Exception, match="the service failed"):
        await get_secret("db")
    assert process.calls == 4


async def test_row_10_a_secret_without_a_value_any_more_is_not_served_stale(process, service):
    await get_secret("db")
    service.forget()
    gone = "can't find the specified secret value for staging label: AWSCURRENT"
    service.always(error("ResourceNotFoundException", gone))
    process.clock.advance(331)
    for _ in range(2):
        with pytest.raises(SecretNotSetError):
            await get_secret("db")
    assert process.calls == 1


async def test_row_24_rotated_credentials_are_read_from_the_environment(process, service, environ):
    await get_secret("db")
    service.forget()
    service.script(error("ExpiredTokenException", "The security token is expired"))
    service.keys = {"AKIDROTATED": "pl4nted-rotated-key"}
    environ.setenv("AWS_ACCESS_KEY_ID", "AKIDROTATED")
    environ.setenv("AWS_SECRET_ACCESS_KEY", "pl4nted-rotated-key")
    environ.setenv("AWS_SESSION_TOKEN", "pl4nted-rotated-token")
    assert await get_secret("db", fresh=True) == "pl4nted-db"
    assert process.calls == 2
    assert service.calls[-1].access_key == "AKIDROTATED"


async def test_row_24_credentials_that_stay_refused_are_asked_for_twice_and_not_remembered(
    process, service
):
    service.always(error("ExpiredTokenException"))
    for calls in (2, 4):
        with pytest.raises(SecretAccessDeniedError, match="expired"):
            await get_secret("db")
        assert process.calls == calls


async def landed(process):
    """Wait for what is under way in the background to have landed."""
    while process.store._flights._under_way:
        await asyncio.sleep(0)
