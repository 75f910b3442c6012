"""Handles: they are never taken for values, tell the version, and may have a default."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from support.scripted import World, throttled

from core_backend import (
    MissingEnvError,
    SecretAccessDeniedError,
    SecretDeletedError,
    SecretFormatError,
    SecretName,
    SecretNotFoundError,
    SecretNotSetError,
    SecretThrottledError,
    SecretTimeoutError,
    clear_secrets,
    get_secret,
    get_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Callable

AS_TEXT: list[Callable[[Any], str]] = [
    str,
    format,
    lambda handle: f"Bearer {handle}",
    lambda handle: f"{handle:>20}",
    "{}".format,
    lambda handle: "%s" % (handle,),  # noqa: UP031  # one of the uses
    print,
]


@pytest.mark.parametrize("make_text", AS_TEXT)
async def test_a_handle_is_never_taken_for_a_value(w: World, make_text: Any) -> None:
    for handle in (get_secret("a"), get_secret("a", default=None)):
        for _ in range(2):
            with pytest.raises(TypeError, match="PendingSecret, not the secret's value; await it"):
                make_text(handle)
            assert await handle == "pl4nted-a"
    batch = get_secrets("a", "b")
    with pytest.raises(TypeError, match=r"not a value; await it and unpack .*\[a, b\] = await get"):
        make_text(batch)


@pytest.mark.parametrize("make_text", AS_TEXT)
async def test_the_tuple_of_an_awaited_batch_is_never_taken_for_a_value(
    w: World, make_text: Any
) -> None:
    not_yet, at_hand = await get_secrets("a"), await get_secrets("a")
    for values in (not_yet, at_hand, get_secrets("a").result()):
        with pytest.raises(TypeError, match=r"values of a batch in a tuple.* \[a, b\] = await"):
            make_text(values)
        assert values == ("pl4nted-a",)
        assert isinstance(values, tuple)


async def test_reprs_show_names_only(w: World, caplog: pytest.LogCaptureFixture) -> None:
    shows = SecretName("name", parse=lambda text: {"shown": text})
    batch = get_secrets("a", "b")
    assert repr(get_secret("a")) == repr(get_secret("a", default=1)) == "<PendingSecret 'a'>"
    assert repr(batch) == "(<PendingSecret 'a'>, <PendingSecret 'b'>)"
    names = "<values of (<PendingSecret 'a'>, <PendingSecret 'b'>)>"
    assert repr(await batch) == repr(await batch) == repr(batch.result()) == names
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("NAME", "b")
        assert "pl4nted" not in repr(await get_secrets(shows))
    with caplog.at_level(logging.INFO):
        logging.getLogger(__name__).info("asked for %r", batch)
    assert "asked for (<PendingSecret 'a'>" in caplog.text


async def test_a_value_comes_with_its_version(w: World) -> None:
    handle = get_secret("a")
    w.source.rotate("b", "pl4nted-new")
    assert await handle.with_version() == ("pl4nted-a", "v0")
    assert handle.result_with_version() == ("pl4nted-a", "v0")
    assert get_secret("b").result_with_version(timeout=60) == ("pl4nted-new", "v1")


async def test_waiting_for_a_version_ends_with_the_timeout(w: World) -> None:
    with w.source.held():
        handle = get_secret("a")
        w.source.arrived()
        with pytest.raises(SecretTimeoutError, match="not there within 0.01 s"):
            handle.result_with_version(timeout=0.01)
    assert await handle == "pl4nted-a"


def asked_in_all_ways(secret: str, default: Any) -> list[Any]:
    """Return what each way to have a value returns, with its version where there is one."""

    async def awaited() -> Any:
        return await get_secret(secret, default=default)

    return [
        asyncio.run(awaited()),
        get_secret(secret, default=default).result(),
        asyncio.run(get_secret(secret, default=default).with_version())[0],
        get_secret(secret, default=default).result_with_version()[0],
    ]


@pytest.mark.parametrize("default", [None, "", 3, {"a": 1}])
def test_a_default_takes_the_place_of_a_secret_that_does_not_exist(w: World, default: Any) -> None:
    assert all(one is default for one in asked_in_all_ways("absent", default))
    assert get_secret("absent", default=default).result_with_version() == (default, "")
    assert w.calls == 1, "that it is absent is remembered"
    with pytest.raises(SecretNotFoundError):
        get_secret("absent").result()


def test_a_default_takes_the_place_of_a_secret_that_nobody_filled(w: World) -> None:
    w.source.faults = [SecretNotSetError("secret 'a': no value", secret_id="a")]
    assert asked_in_all_ways("a", None) == [None] * 4


def test_an_existing_secret_gives_its_value_not_the_default(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert asked_in_all_ways("a", "default") == ["pl4nted-a"] * 4
    monkeypatch.setenv("NAME", "a")
    assert asked_in_all_ways(SecretName("name", parse=len), "default") == [len("pl4nted-a")] * 4
    assert w.calls == 1


def test_a_handle_that_is_kept_finds_the_secret_when_it_exists(w: World) -> None:
    handle = get_secret("late", default=None)
    assert handle.result() is None
    w.source.secrets["late"] = "pl4nted-late"
    w.clock.advance(6)
    assert handle.result() == "pl4nted-late"
    del w.source.secrets["late"]
    clear_secrets()
    assert handle.result() is None


@pytest.mark.parametrize(
    "fault",
    [
        SecretAccessDeniedError("denied", secret_id="a"),
        SecretDeletedError("deleted", secret_id="a"),
        throttled(),
    ],
)
def test_a_default_never_takes_the_place_of_a_failure(w: World, fault: Any) -> None:
    w.source.faults = [fault] * 3
    with pytest.raises(type(fault)):
        get_secret("a", default=None).result()


def test_a_default_takes_the_place_neither_of_a_wrong_value_nor_of_a_missing_variable(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = SecretName("name").json()
    with pytest.raises(MissingEnvError):
        get_secret(name, default=None)
    monkeypatch.setenv("NAME", "a")
    with pytest.raises(SecretFormatError):
        get_secret(name, default=None).result()


def test_a_default_with_fresh_asks_past_the_cache(w: World) -> None:
    get_secret("a").result()
    w.clock.advance(2)
    assert get_secret("a", default=None, fresh=True).result() == "pl4nted-a"
    assert w.calls == 2
    w.clock.advance(2)
    w.source.faults = [throttled()] * 3
    with pytest.raises(SecretThrottledError):
        get_secret("a", default=None, fresh=True).result()
