"""What is at hand: handed out at once, and followed."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from support.scripted import World, until

from core_backend import (
    InvalidSecretNameError,
    SecretId,
    SecretName,
    clear_secrets,
    get_env,
    get_secret,
    get_secrets,
    secrets_info,
)


async def test_hits_share_one_handle_which_follows_the_cache(w: World) -> None:
    await get_secret("a")
    handle = get_secret("a")
    assert get_secret("a") is get_secrets("a")[0] is get_secret(SecretId("a")) is handle
    w.source.rotate("a", "pl4nted-new")
    clear_secrets()
    assert await handle == "pl4nted-new"


async def test_a_hit_is_counted_for_each_of_a_batch(w: World) -> None:
    await get_secrets("a", "b")
    assert await get_secrets("a", "b") == ("pl4nted-a", "pl4nted-b")
    assert secrets_info().hits == 2
    assert w.calls == 2


async def test_a_batch_with_one_that_is_not_at_hand_counts_each_once(w: World) -> None:
    await get_secret("a")
    assert await get_secrets("a", "b") == ("pl4nted-a", "pl4nted-b")
    info = secrets_info()
    assert (info.hits, info.misses) == (1, 2)


async def test_stages_and_parsers_have_handles_of_their_own(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "a")
    name = SecretName("name")
    upper = SecretName("name", parse=str.upper)
    for _ in range(2):
        values = await get_secrets(get_env(name), get_env(upper), get_env(name.staged("OLD")), "a")
        assert values == ("pl4nted-a", "PL4NTED-A", "pl4nted-a", "pl4nted-a")
    assert w.calls == 2


async def test_a_name_follows_its_variable(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name = SecretName("name")
    for real in ("a", "b", "a"):
        monkeypatch.setenv("NAME", real)
        assert await get_secret(get_env(name)) == f"pl4nted-{real}"


@pytest.mark.parametrize("odd", [["a"], 3, None])
async def test_what_is_no_str_is_refused_though_others_are_at_hand(w: World, odd: Any) -> None:
    await get_secret("a")
    with pytest.raises(InvalidSecretNameError, match="which is a str, not a"):
        get_secrets("a", odd)


async def test_a_kept_handle_expires_by_the_wall_clock_while_frozen(w: World) -> None:
    await get_secret("a")
    handle = get_secret("a")
    w.source.rotate("a", "pl4nted-new")
    w.clock.freeze(301)
    assert await handle == "pl4nted-new"


@pytest.mark.parametrize("seconds", [-3600, 301])
async def test_asking_alone_starts_the_fetch_of_what_has_aged(w: World, seconds: float) -> None:
    await get_secret("a")
    w.source.arrived()
    w.clock.advance_wall(seconds)
    get_secret("a")
    w.source.arrived()


async def test_a_forgotten_value_is_freed_without_the_collector(w: World) -> None:
    await get_secret("a")
    get_secret("a")
    entry = weakref.ref(w.store.cache.find("a"))
    gc.disable()
    try:
        clear_secrets()
        await until(lambda: entry() is None)
    finally:
        gc.enable()
