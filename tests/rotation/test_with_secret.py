"""Passwords rotated under a warm cache: what a script of them comes to."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from support.doors import NEW, NEWER, OLD, Door, OtherError, RefusedError
from support.scripted import World, throttled

from core_backend import (
    ConfigurationError,
    SecretAccessDeniedError,
    SecretName,
    SecretNotFoundError,
    SecretText,
    SecretThrottledError,
    with_secret,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable


async def test_use_is_given_the_value_and_its_result_is_returned(w: World, way: str) -> None:
    door = Door(OLD)
    assert await with_secret("db", getattr(door, way), retry_on=RefusedError) == "in"
    assert door.tried == [OLD]
    assert w.calls == 1


async def test_use_may_return_something_to_be_awaited(w: World) -> None:
    async def connect(password: str) -> str:
        return f"with {password}"

    def use(password: str) -> Awaitable[str]:
        return connect(password)

    result = await with_secret("db", use, retry_on=RefusedError)
    assert result == f"with {OLD}"


async def test_the_value_is_read_as_its_name_declares(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB", "db")
    w.source.secrets["db"] = '{"password": "pl4nted-old"}'
    name = SecretName("db").field("password")
    value = await with_secret(name, lambda password: password, retry_on=RefusedError)
    assert value == OLD
    assert type(value) is SecretText


async def test_a_refused_value_is_fetched_anew_and_used_once_more(w: World, way: str) -> None:
    door = Door(OLD)
    await with_secret("db", getattr(door, way), retry_on=RefusedError)
    door.password = NEW
    w.source.rotate("db", NEW)
    assert await with_secret("db", getattr(door, way), retry_on=RefusedError) == "in"
    assert door.tried == [OLD, OLD, NEW]
    assert w.calls == 2


async def test_the_next_to_ask_gets_the_new_value(w: World) -> None:
    door = Door(NEW)
    await with_secret("db", lambda _: None, retry_on=RefusedError)
    w.source.rotate("db", NEW)
    await with_secret("db", door.open, retry_on=RefusedError)
    await with_secret("db", door.open, retry_on=RefusedError)
    assert door.tried == [OLD, NEW, NEW]
    assert w.calls == 2


async def test_any_of_several_exceptions_counts(w: World) -> None:
    def use(password: str) -> str:
        if password == OLD:
            raise RefusedError
        return password

    await with_secret("db", str, retry_on=RefusedError)
    w.source.rotate("db", NEW)
    assert await with_secret("db", use, retry_on=(KeyError, RefusedError)) == NEW


async def test_an_error_of_another_kind_is_none_of_our_business(w: World, way: str) -> None:
    raised = OtherError("pl4nted" in OLD)

    def fail(_: str) -> None:
        raise raised

    async def fail_async(_: str) -> None:
        raise raised

    w.source.rotate("db", NEW)
    with pytest.raises(OtherError) as caught:
        await with_secret("db", fail if way == "open" else fail_async, retry_on=RefusedError)
    assert caught.value is raised
    assert w.calls == 1


async def test_the_original_error_is_raised_as_it_was_if_the_version_is_the_same(
    w: World, way: str
) -> None:
    door = Door(NEW)
    with pytest.raises(RefusedError) as caught:
        await with_secret("db", getattr(door, way), retry_on=RefusedError)
    assert caught.value is door.errors[0]
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert door.tried == [OLD]
    assert w.calls == 2


async def test_a_value_stored_anew_as_the_same_version_is_not_tried(w: World) -> None:
    # The version tells, not the value: this is what a pinned version would look like.
    door = Door(NEW)
    await with_secret("db", lambda _: None, retry_on=RefusedError)
    w.source.secrets["db"] = NEW
    with pytest.raises(RefusedError):
        await with_secret("db", door.open, retry_on=RefusedError)
    assert door.tried == [OLD]


async def test_a_second_refusal_is_raised_by_itself(w: World, way: str) -> None:
    door = Door(NEWER)
    await with_secret("db", lambda _: None, retry_on=RefusedError)
    w.source.rotate("db", NEW)
    with pytest.raises(RefusedError) as caught:
        await with_secret("db", getattr(door, way), retry_on=RefusedError)
    assert caught.value is door.errors[1]
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert door.tried == [OLD, NEW]
    assert w.calls == 2


async def test_no_stale_value_is_taken_for_a_new_one(w: World) -> None:
    door = Door(NEW)
    await with_secret("db", lambda _: None, retry_on=RefusedError)
    w.source.faults = [throttled(), throttled(), throttled()]
    with pytest.raises(SecretThrottledError) as caught:
        await with_secret("db", door.open, retry_on=RefusedError)
    assert caught.value.__context__ is door.errors[0]
    assert door.tried == [OLD]


async def test_a_secret_revoked_since_is_told_so(w: World) -> None:
    door = Door(NEW)
    await with_secret("db", lambda _: None, retry_on=RefusedError)
    w.source.faults = [SecretAccessDeniedError("denied", secret_id="db")]
    with pytest.raises(SecretAccessDeniedError):
        await with_secret("db", door.open, retry_on=RefusedError)


async def test_a_secret_that_is_not_there_is_not_used(w: World) -> None:
    door = Door(OLD)
    with pytest.raises(SecretNotFoundError):
        await with_secret("absent", door.open, retry_on=SecretNotFoundError)
    assert door.tried == []


async def test_a_retry_leaves_one_line_in_the_log_that_names_the_secret(
    w: World, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door(NEW)
    await with_secret("db", lambda _: None, retry_on=RefusedError)
    w.source.rotate("db", NEW)
    with caplog.at_level(logging.INFO, "core_backend"):
        await with_secret("db", door.open, retry_on=RefusedError)
    lines = [record.getMessage() for record in caplog.records if record.name == "core_backend"]
    assert lines == ["secret 'db' was refused, and has a new version: trying that"]


async def test_a_hundred_callers_recover_with_one_fetch(w: World, way: str) -> None:
    door = Door(OLD)
    await with_secret("db", getattr(door, way), retry_on=RefusedError)
    door.password = NEW
    w.source.rotate("db", NEW)
    results = await asyncio.gather(
        *(with_secret("db", getattr(door, way), retry_on=RefusedError) for _ in range(100))
    )
    assert results == ["in"] * 100
    assert w.calls == 2


async def test_a_wrong_password_costs_one_fetch_a_second(w: World) -> None:
    door = Door(NEW)
    for _ in range(10):
        with pytest.raises(RefusedError):
            await with_secret("db", door.open, retry_on=RefusedError)
    assert w.calls == 2
    w.clock.advance(1.1)
    with pytest.raises(RefusedError):
        await with_secret("db", door.open, retry_on=RefusedError)
    assert w.calls == 3


@pytest.mark.parametrize(
    "wrong", ["RefusedError", None, RefusedError(), [RefusedError], int, BaseException, (int,), ()]
)
async def test_retry_on_is_to_be_exceptions(w: World, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="retry_on must be an exception class"):
        await with_secret("db", str, retry_on=wrong)
    assert w.calls == 0
