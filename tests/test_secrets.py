"""What users do: ask for secrets and await them."""

from __future__ import annotations

import asyncio
import gc
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from core_backend import (
    PendingSecret,
    SecretName,
    SecretsFailedError,
    SecretText,
    SecretTimeoutError,
    get_env,
    get_secret,
    get_secrets,
)

if TYPE_CHECKING:
    from support.scripted import World


NAME = SecretName("api-key")


async def test_the_guides_first_line_works(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "a")
    [pending] = get_secrets(get_env(NAME))
    assert await pending == "pl4nted-a"


async def test_a_batch_awaited_gives_the_values_in_argument_order(w: World) -> None:
    b, a, c = await get_secrets("b", "a", "c")
    assert (b, a, c) == ("pl4nted-b", "pl4nted-a", "pl4nted-c")


async def test_a_declared_name_is_resolved_from_the_environment(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "b")
    first, second = await get_secrets("a", NAME)
    assert (first, second) == ("pl4nted-a", "pl4nted-b")


async def test_a_name_keeps_its_parse_and_stage_through_the_environment(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "a")
    assert await get_secret(SecretName("api-key", parse=len)) == len("pl4nted-a")
    await get_secret(NAME.staged("AWSPREVIOUS"))
    await get_secret(NAME.versioned("some-version"))
    assert [(r.stage, r.version_id) for r in w.source.calls] == [
        ("AWSCURRENT", None),
        ("AWSPREVIOUS", None),
        ("AWSCURRENT", "some-version"),
    ]


async def test_a_parser_is_given_the_value_anew_at_each_await(w: World) -> None:
    made: list[list[str]] = []

    def parse(text: str) -> list[str]:
        made.append([text])
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("API_KEY", "a")
        pending = get_secret(SecretName("api-key", parse=parse))
    one, other = await pending, await pending
    assert one == other
    assert one is not other


async def test_a_handle_can_be_awaited_twice(w: World) -> None:
    pending = get_secret("a")
    assert await pending == await pending
    assert w.calls == 1


def test_a_handle_can_be_awaited_from_two_loops(w: World) -> None:
    async def value(pending: PendingSecret[str]) -> str:
        return await pending

    pending = get_secret("a")
    assert asyncio.run(value(pending)) == asyncio.run(value(pending)) == "pl4nted-a"
    assert w.calls == 1


def test_a_handle_can_be_awaited_from_another_thread(w: World) -> None:
    async def value() -> str:
        return await pending

    pending = get_secret("a")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, value()).result() == "pl4nted-a"


def test_result_needs_no_loop(w: World) -> None:
    assert get_secret("a").result() == "pl4nted-a"
    assert get_secrets("a", "b").result() == ("pl4nted-a", "pl4nted-b")


async def test_result_inside_a_running_loop_does_not_deadlock(w: World) -> None:
    assert get_secret("a").result(timeout=10) == "pl4nted-a"
    assert get_secret("a").result() == "pl4nted-a"


def test_result_gives_up_in_time_and_leaves_the_fetch_to_others(w: World) -> None:
    with w.source.held():
        pending = get_secret("a")
        with pytest.raises(SecretTimeoutError, match=r"'a': not there within 0\.01 s"):
            pending.result(timeout=0.01)
        with pytest.raises(SecretsFailedError, match="SecretTimeoutError: secret 'b'"):
            get_secrets("a", "b").result(timeout=0)
    assert get_secrets("a", "b").result(timeout=10) == ("pl4nted-a", "pl4nted-b")
    assert w.calls == 2


def test_fetching_is_under_way_before_anything_is_awaited(w: World) -> None:
    get_secrets("a", "b")
    w.source.arrived(2)


async def test_ten_slow_secrets_are_under_way_together(w: World) -> None:
    with w.source.held():
        batch = get_secrets(*"abcdefghij")
        w.source.arrived(10)  # all of them, and not one has been answered
    assert len(await batch) == 10


def test_a_handle_nobody_awaits_warns_of_nothing(w: World) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        get_secret("missing")
        get_secrets("a", "missing")
        w.source.arrived(2)
        gc.collect()


async def test_handles_and_batches_show_names_only(w: World) -> None:
    pending = get_secret("a")
    batch = get_secrets("a", "b")
    await batch
    assert repr(pending) == "<PendingSecret 'a'>"
    assert "pl4nted" not in repr((pending, batch, await pending))
    assert isinstance(batch, tuple)
    assert isinstance(await pending, SecretText)


async def test_nothing_asked_is_nothing_fetched(w: World) -> None:
    assert await get_secrets() == ()
