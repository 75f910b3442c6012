"""Passwords rotated under a warm cache, used from sync code."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from support.doors import NEW, NEWER, OLD, Door, OtherError, RefusedError

from core_backend import ConfigurationError, SecretName, with_secret_sync

if TYPE_CHECKING:
    from support.scripted import World


def test_a_refused_value_is_fetched_anew_and_used_once_more(
    w: World, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door(OLD)
    assert with_secret_sync("db", door.open, retry_on=RefusedError) == "in"
    door.password = NEW
    w.source.rotate("db", NEW)
    with caplog.at_level(logging.INFO, "core_backend"):
        assert with_secret_sync("db", door.open, retry_on=(KeyError, RefusedError)) == "in"
    assert door.tried == [OLD, OLD, NEW]
    assert w.calls == 2
    lines = [record.getMessage() for record in caplog.records if record.name == "core_backend"]
    assert lines == ["secret 'db' was refused, and has a new version: trying that"]


async def test_it_works_where_a_loop_is_running(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB", "db")
    w.source.secrets["db"] = '{"port": 5432}'
    port = SecretName("db").field("port", parse=int)
    assert with_secret_sync(port, lambda number: number + 1, retry_on=RefusedError) == 5433


def test_a_refusal_is_raised_as_it_was_if_the_version_is_the_same(w: World) -> None:
    door = Door(NEW)
    with pytest.raises(RefusedError) as caught:
        with_secret_sync("db", door.open, retry_on=RefusedError)
    assert caught.value is door.errors[0]
    assert door.tried == [OLD]
    assert w.calls == 2


def test_a_second_refusal_is_raised_by_itself(w: World) -> None:
    door = Door(NEWER)
    with_secret_sync("db", str, retry_on=RefusedError)
    w.source.rotate("db", NEW)
    with pytest.raises(RefusedError) as caught:
        with_secret_sync("db", door.open, retry_on=RefusedError)
    assert caught.value is door.errors[1]
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert door.tried == [OLD, NEW]


def test_an_error_of_another_kind_is_raised_at_once(w: World) -> None:
    def fail(_: str) -> None:
        raise OtherError

    with pytest.raises(OtherError):
        with_secret_sync("db", fail, retry_on=RefusedError)
    assert w.calls == 1


def test_an_async_use_is_refused(w: World) -> None:
    class Awaitable:
        def __await__(self) -> Any:
            raise NotImplementedError

    for use in (Door(OLD).open_async, lambda _: Awaitable()):
        with pytest.raises(ConfigurationError, match="use is async.*await with_secret"):
            with_secret_sync("db", use, retry_on=Exception)


def test_retry_on_must_be_exceptions(w: World) -> None:
    for wrong in ((), int, 10**5000):
        with pytest.raises(ConfigurationError, match="retry_on must be an exception class"):
            with_secret_sync("db", str, retry_on=wrong)
    assert w.calls == 0
