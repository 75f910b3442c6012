"""What users do: ask for secrets and await them."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from support.scripted import World, throttled, until, world

import core_backend
from core_backend import (
    ConfigurationError,
    InvalidSecretNameError,
    MissingEnvError,
    PendingSecret,
    SecretAccessDeniedError,
    SecretFormatError,
    SecretId,
    SecretName,
    SecretNotFoundError,
    SecretsFailedError,
    SecretText,
    SecretThrottledError,
    SecretTimeoutError,
    clear_secrets,
    get_env,
    get_secret,
    get_secrets,
    secrets_info,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = SecretName("api-key")


@pytest.fixture
def w() -> Iterator[World]:
    with world() as made:
        yield made


# --- asking and awaiting


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


# --- one fetch however many ask


async def test_a_thousand_tasks_share_one_fetch(w: World) -> None:
    async def value() -> str:
        return await get_secret("a")

    values = await asyncio.gather(*(value() for _ in range(1000)))
    assert set(values) == {"pl4nted-a"}
    assert w.calls == 1


def test_fifty_threads_of_twenty_tasks_share_one_fetch(w: World) -> None:
    barrier = threading.Barrier(50)

    async def twenty() -> set[str]:
        barrier.wait(10)
        return set(await asyncio.gather(*(value() for _ in range(20))))

    async def value() -> str:
        return await get_secret("a")

    with ThreadPoolExecutor(50) as pool:
        found = [f.result() for f in [pool.submit(asyncio.run, twenty()) for _ in range(50)]]
    assert found == [{"pl4nted-a"}] * 50
    assert w.calls == 1


async def test_the_same_name_twice_in_one_call_is_fetched_once(w: World) -> None:
    assert await get_secrets("a", "a") == ("pl4nted-a", "pl4nted-a")
    assert w.calls == 1


def test_three_loops_at_once_share_one_fetch(w: World) -> None:
    async def value() -> str:
        return await get_secret("a")

    with ThreadPoolExecutor(3) as pool, w.source.held():
        futures = [pool.submit(asyncio.run, value()) for _ in range(3)]
        w.source.arrived()
    assert [f.result() for f in futures] == ["pl4nted-a"] * 3
    assert w.calls == 1


def test_two_hundred_loops_one_after_the_other(w: World) -> None:
    async def value() -> str:
        return await get_secret("a")

    threads = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(200):
            assert asyncio.run(value()) == "pl4nted-a"
            w.clock.advance(400)
            threads.add(threading.active_count())
        gc.collect()
    assert w.calls == 200
    assert len(threads) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not made for Windows")
def test_the_callers_loop_may_be_of_any_make(w: World) -> None:
    import uvloop  # noqa: PLC0415  # see above

    async def value() -> str:
        return await get_secret("a")

    for factory in (uvloop.new_event_loop, asyncio.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            assert runner.run(value()) == "pl4nted-a"
            w.clock.advance(400)
            assert runner.run(value()) == "pl4nted-a"
        w.clock.advance(400)
    assert w.calls == 4


async def test_a_value_in_its_ttl_is_not_fetched_again(w: World) -> None:
    await get_secret("a")
    w.clock.advance(200)
    await get_secret("a")
    assert w.calls == 1
    info = secrets_info()
    assert (info.hits, info.misses, info.fetches) == (1, 1, 1)


async def test_one_waiter_cancelled_or_timed_out_harms_no_other(w: World) -> None:
    async def value() -> str:
        return await get_secret("a")

    with w.source.held():
        doomed, late, patient = (asyncio.ensure_future(value()) for _ in range(3))
        await asyncio.sleep(0)
        doomed.cancel()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(late, 0.01)
    assert await patient == "pl4nted-a"
    assert doomed.cancelled()
    assert w.calls == 1


# --- failures


async def test_one_of_several_fails_and_the_error_names_it(w: World) -> None:
    with pytest.raises(SecretNotFoundError, match="'missing'") as caught:
        await get_secrets("a", "missing", "b")
    assert caught.value.secret_id == "missing"
    assert await get_secrets("a", "b") == ("pl4nted-a", "pl4nted-b")
    assert w.calls == 3


@pytest.mark.parametrize("blocking", [False, True])
async def test_several_fail_and_the_error_names_all_and_why(w: World, blocking: bool) -> None:
    batch = get_secrets("x", "a", "y")
    with pytest.raises(SecretsFailedError) as caught:
        batch.result() if blocking else await batch
    assert set(caught.value.failures) == {"x", "y"}
    assert "SecretNotFoundError: secret 'x'" in str(caught.value)
    assert "SecretNotFoundError: secret 'y'" in str(caught.value)
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 3


async def test_the_same_missing_secret_twice_is_one_failure(w: World) -> None:
    with pytest.raises(SecretNotFoundError):
        await get_secrets("x", "x")


async def test_every_waiter_gets_an_instance_of_its_own(w: World) -> None:
    async def failure() -> Exception:
        with pytest.raises(SecretNotFoundError) as caught:
            await get_secret("x")
        return caught.value

    errors = await asyncio.gather(*(failure() for _ in range(5)))
    assert len({id(error) for error in errors}) == 5
    assert w.calls == 1


async def test_a_failed_handle_asks_again_once_its_failure_is_past(w: World) -> None:
    pending = get_secret("x")
    for _ in range(2):
        with pytest.raises(SecretNotFoundError):
            await pending
    assert w.calls == 1
    w.source.secrets["x"] = "pl4nted-x"
    w.clock.advance(5)
    assert await pending == "pl4nted-x"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("a\nb", "characters"),
        (" a", "characters"),
        ("x" * 2049, "2,049 characters"),
        (None, "NoneType"),
        (b"a", "bytes"),
    ],
)
def test_an_id_that_cannot_be_one_is_refused_at_the_call(w: World, wrong: Any, words: str) -> None:
    with pytest.raises(InvalidSecretNameError, match=words):
        get_secrets("a", wrong)
    assert w.calls == 0


def test_all_missing_variables_are_named_at_once(w: World) -> None:
    with pytest.raises(MissingEnvError) as caught:
        get_secrets("a", SecretName("one-key"), SecretName("two-key"))
    assert caught.value.variables == ("ONE_KEY", "TWO_KEY")
    assert w.calls == 0


def test_what_the_source_refuses_is_raised_at_the_call_before_any_fetch(w: World) -> None:
    w.source.refused = ConfigurationError("no Region")
    with pytest.raises(ConfigurationError, match="no Region"):
        get_secrets("a", "b")
    assert w.calls == 0


def test_what_is_cached_survives_a_refusal(w: World) -> None:
    get_secret("a").result()
    w.source.refused = ConfigurationError("no Region")
    with pytest.raises(ConfigurationError):
        get_secret("b")
    assert get_secret("a").result() == "pl4nted-a"


async def test_only_what_the_list_allows_is_fetched() -> None:
    with world(allow=("a", "team/*")) as w:
        w.source.secrets["team/x"] = "pl4nted-x"
        assert await get_secrets("a", "team/x") == ("pl4nted-a", "pl4nted-x")
        for refused in ("b", "ab", "tea"):
            with pytest.raises(SecretAccessDeniedError, match="setting allow"):
                get_secrets("a", refused)
        assert w.calls == 2


async def test_a_parser_that_fails_shows_nothing_of_the_value(w: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("API_KEY", "a")
        pending = get_secret(SecretName("api-key", parse=int))
    with pytest.raises(SecretFormatError, match="ValueError") as caught:
        await pending
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "pl4nted" not in str(caught.value)


async def test_binary_is_not_handed_out_as_text(w: World) -> None:
    w.source.secrets["a"] = b"pl4nted"
    with pytest.raises(SecretFormatError, match="binary"):
        await get_secret("a")


# --- past the cache


async def test_fresh_fetches_past_the_cache(w: World) -> None:
    await get_secret("a")
    w.source.rotate("a", "pl4nted-new")
    assert await get_secret("a") == "pl4nted-a"
    assert await get_secret("a", fresh=True) == "pl4nted-new"
    assert await get_secrets("a") == ("pl4nted-new",)
    assert w.calls == 2


async def test_those_who_ask_for_fresh_within_a_second_share_it(w: World) -> None:
    await asyncio.gather(*(_fresh() for _ in range(100)))
    w.clock.advance(0.9)
    await _fresh()
    assert w.calls == 1
    w.clock.advance(0.2)
    await _fresh()
    assert w.calls == 2


async def _fresh() -> str:
    return await get_secret("a", fresh=True)


async def test_fresh_is_sent_after_it_was_asked_for(w: World) -> None:
    with w.source.held():
        old = get_secret("a")
        w.source.arrived()
        w.source.rotate("a", "pl4nted-new")
        new = get_secret("a", fresh=True)
        w.source.arrived()
    assert await new == "pl4nted-new"
    assert w.calls == 2
    assert await old in {"pl4nted-a", "pl4nted-new"}
    assert await get_secret("a") == "pl4nted-new"


async def test_fresh_never_serves_stale(w: World) -> None:
    await get_secret("a")
    w.source.faults = [throttled() for _ in range(3)]
    with pytest.raises(SecretThrottledError):
        await get_secret("a", fresh=True)
    assert await get_secret("a") == "pl4nted-a"


# --- forgetting


async def test_clear_forgets_values_and_failures(w: World) -> None:
    await get_secret("a")
    with pytest.raises(SecretNotFoundError):
        await get_secret("x")
    clear_secrets()
    w.source.secrets["x"] = "pl4nted-x"
    assert await get_secrets("a", "x") == ("pl4nted-a", "pl4nted-x")
    assert w.calls == 4


async def test_what_was_asked_for_before_clear_is_delivered_but_not_kept(w: World) -> None:
    with w.source.held():
        pending = get_secret("a")
        w.source.arrived()
        clear_secrets()
    assert await pending == "pl4nted-a"
    await get_secret("a")
    assert w.calls == 2
    w.source.rotate("a", "pl4nted-new")
    await get_secret("a", fresh=True)
    assert await pending == "pl4nted-new"


async def test_a_handle_survives_clear(w: World) -> None:
    pending, landed = get_secret("a"), get_secret("b")
    await pending
    w.source.arrived(2)
    await until(lambda: w.store.cache.entry("b") is not None)
    clear_secrets()
    assert await pending == "pl4nted-a"
    assert await landed == "pl4nted-b"
    assert w.calls == 4


async def test_a_handle_kept_past_the_ttl_asks_again(w: World) -> None:
    pending = get_secret("a")
    await pending
    w.source.rotate("a", "pl4nted-new")
    w.clock.advance(301)
    assert await pending == "pl4nted-new"
    w.source.rotate("a", "pl4nted-newer")
    w.clock.advance(301)
    assert pending.result() == "pl4nted-newer"


def test_every_public_name_is_there() -> None:
    assert sorted(core_backend.__all__) == list(core_backend.__all__)
    assert all(hasattr(core_backend, name) for name in core_backend.__all__)


# --- hits


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
    with pytest.raises(InvalidSecretNameError, match="a str, not by a"):
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
    entry = weakref.ref(w.store.cache.entry("a"))
    gc.disable()
    try:
        clear_secrets()
        await until(lambda: entry() is None)
    finally:
        gc.enable()
