"""Fetches that cannot start or cannot go on, and the warm-up: nobody waits for them."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.scripted import ScriptedSource, World, stands_still, until, world

from core_backend import (
    ConfigurationError,
    SecretError,
    SecretUnavailableError,
    async_handler,
    configure,
    get_secret,
    get_secrets,
    secrets_info,
)
from core_backend._engine import delivery, portal
from core_backend._engine.portal import Portal

if TYPE_CHECKING:
    from collections.abc import Callable


def no_thread(*_: object) -> None:
    raise RuntimeError("can't start new thread")


def no_descriptor() -> None:
    raise OSError(24, "Too many open files")


@pytest.fixture(
    params=[(threading.Thread, "start", no_thread), (portal, "_Loop", no_descriptor)],
    ids=["no thread", "no descriptor"],
)
def cannot_start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the private loop not start; returns what lets it."""
    monkeypatch.setattr(*request.param)
    return monkeypatch.undo


def test_a_fetch_that_cannot_start_fails_at_once_and_the_next_one_starts(
    w: World, cannot_start: Callable[[], None]
) -> None:
    first, second = get_secret("a"), get_secret("a")
    both = get_secrets("a", "b")
    for handle in (first, second, *both):
        with pytest.raises(SecretUnavailableError, match=r"could not start \((Runtime|OS)Error"):
            handle.result()
    assert (w.calls, secrets_info().fetches) == (0, 0)
    cannot_start()
    # The failure of one start is not held against the service.
    for handle in (get_secret("a"), first, second, *both):
        assert handle.result().startswith("pl4nted-")
    assert w.calls == 2


def test_a_source_that_is_half_installed_is_a_mistake_in_the_setup(w: World) -> None:
    def choose(*_: object) -> Any:
        raise ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp")

    w.store.choose = choose
    with pytest.raises(ConfigurationError, match="module 'aiohttp' is missing.*extra aws-sdk"):
        get_secret("a")


def test_an_expired_value_serves_if_the_fetch_cannot_start(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get_secret("a").result() == "pl4nted-a"
    w.clock.advance(301)
    w.store._portal, kept = None, w.store._portal
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        assert get_secret("a").result() == "pl4nted-a"
    kept.close(None)
    assert secrets_info().stale == 1


def test_a_prefetch_that_cannot_start_keeps_no_handler_waiting(
    w: World, cannot_start: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")

    @async_handler(prefetch=["a"])
    async def handler(event: object, context: object) -> str:
        return await get_secret("a")

    assert w.calls == 0
    cannot_start()
    assert handler({}, None) == "pl4nted-a"
    assert w.calls == 1


@pytest.mark.parametrize("ask", [lambda: get_secret("a"), lambda: get_secrets("a", "b")[0]])
def test_a_loop_that_was_closed_is_replaced(w: World, ask: Callable[[], Any]) -> None:
    get_secret("c").result()
    w.store._portal.close(None)
    with pytest.raises(SecretUnavailableError, match="Event loop is closed"):
        ask().result()
    assert ask().result() == "pl4nted-a"


def test_a_start_that_fails_otherwise_keeps_the_loop(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_secret("c").result()
    kept = w.store._portal
    with monkeypatch.context() as patch:
        patch.setattr(Portal, "spawn", no_thread)
        with pytest.raises(SecretUnavailableError):
            get_secret("a").result()
    assert get_secret("a").result() == "pl4nted-a"
    assert w.store._portal is kept


def test_a_time_limit_by_a_signal_handler_is_no_failure_to_start(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, started = threading.Thread.start, []

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        started.append(thread)
        raise TimeoutError("the user's own")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(TimeoutError, match="the user's own"):
            get_secret("a")
    # The thread that nobody uses ends.
    started[0].join(60)
    assert not started[0].is_alive()
    assert get_secret("a").result() == "pl4nted-a"


def test_asking_in_the_middle_of_the_sources_import_is_refused(w: World) -> None:
    def half_imported(*_: object) -> Any:
        raise ImportError("cannot import name 'DirectSource' from partially initialized module")

    get_secret("b").result()
    w.clock.advance(301)
    choose, w.store.choose, w.store._source = w.store.choose, half_imported, None
    with pytest.raises(SecretUnavailableError, match="could not start .*partially initialized"):
        get_secret("a")
    # What is cached does not need the source.
    assert get_secret("b").result() == "pl4nted-b"
    w.store.choose = choose
    assert get_secret("a").result() == "pl4nted-a"


@pytest.mark.parametrize("blocking", [False, True])
async def test_nobody_waits_for_ever_for_a_thread_that_cannot_go_on(
    w: World, blocking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_PATIENCE", -4.99)
    monkeypatch.setattr(delivery, "_AFTER_A_FREEZE", 0.01)
    free = threading.Event()

    async def block() -> None:
        free.wait(60)

    get_secret("b").result()
    w.store._portal.spawn(block)
    pending = get_secret("a")
    with pytest.raises(SecretUnavailableError, match="did not end in time"):
        pending.result() if blocking else await pending
    free.set()
    assert await pending == "pl4nted-a"


async def test_an_exit_in_a_source_ends_one_fetch_and_no_other(w: World) -> None:
    class Source(ScriptedSource):
        async def fetch(self, request: Any) -> Any:
            if request.secret_id == "b":
                raise SystemExit
            return await super().fetch(request)

    with world(source=Source(a="pl4nted-a")) as other, other.source.held():
        pending = get_secret("a")
        other.source.arrived()
        with pytest.raises(SecretUnavailableError):
            get_secret("b").result()
        loop = other.store._portal._loop
        loop.call_soon_threadsafe(other.source._gate.set)
        assert await pending == "pl4nted-a"


@pytest.mark.usefixtures("w")
def test_a_fetch_at_the_end_of_the_interpreter_cannot_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    with pytest.raises(SecretUnavailableError, match="shutting down"):
        get_secret("a").result()


def test_a_time_limit_that_ends_the_sources_import_is_the_users_own(w: World) -> None:
    def limited(*_: object) -> Any:
        raise TimeoutError("the user's own")

    w.store.choose = limited
    with pytest.raises(TimeoutError, match="the user's own"):
        get_secret("a")


@pytest.mark.parametrize("error", [ImportError("half"), OSError(24, "Too many open files")])
def test_what_cannot_be_imported_is_an_error_that_names_the_secret(
    w: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def ask(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr(w.store, "ask", ask)
    with pytest.raises(SecretUnavailableError, match="'a, b': what fetches it cannot be imported"):
        get_secrets("a", "b")


def test_waiting_on_the_thread_that_fetches_is_refused(w: World) -> None:
    outcome: list[str] = []
    done = threading.Event()

    async def job() -> None:
        try:
            get_secret("b").result()
        except SecretUnavailableError as error:
            outcome.append(str(error))
        done.set()

    get_secret("a").result()
    w.store._portal.spawn(job)
    assert done.wait(60)
    assert "on the thread that fetches it" in outcome[0]


def test_settings_that_change_in_the_middle_of_asking_are_those_it_is_fetched_with(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = w.store._prepare

    def interrupted() -> Any:
        monkeypatch.undo()
        prepared = prepare()
        configure(read_timeout=1.0)
        return prepared

    monkeypatch.setattr(w.store, "_prepare", interrupted)
    assert get_secret("a").result() == "pl4nted-a"
    assert w.store._source is not None


def test_settings_may_change_while_nothing_can_start(
    w: World, cannot_start: Callable[[], None]
) -> None:
    for _ in range(2):
        with pytest.raises(SecretUnavailableError):
            get_secret("a").result()
        configure(read_timeout=1.0, max_entries=5)
    cannot_start()
    assert get_secret("a").result() == "pl4nted-a"
    with pytest.raises(SecretError):
        get_secret("absent").result()
    # Fewer failures are remembered then, and the old ones are forgotten.
    configure(max_entries=6)
    with pytest.raises(SecretError):
        get_secret("absent").result()
    assert w.calls == 3


def test_at_the_end_of_the_process_nobody_is_woken(w: World) -> None:
    with w.source.held():
        pending = get_secret("a")
        w.source.arrived()
        sleeper = threading.Thread(target=pending._answer.wait_blocking, args=(60,), daemon=True)
        sleeper.start()
        while not pending._answer._sleepers:
            pass
        [asleep] = pending._answer._sleepers
        w.store.close(wake=False)
        assert asleep.locked()
    asleep.release()
    sleeper.join(60)


# --- the warm-up --------------------------------------------------------------------------------


def test_a_warm_up_readies_the_source_on_the_private_thread(w: World) -> None:
    threads: list[str] = []

    async def warm() -> None:
        threads.append(threading.current_thread().name)

    w.source.warm = warm  # type: ignore[method-assign]
    assert w.store.warm_up().wait(60)
    assert threads == ["core_backend"]
    assert get_secret("a").result() == "pl4nted-a"


def test_a_warm_up_that_fails_leaves_the_error_to_the_fetch(w: World) -> None:
    async def warm() -> None:
        raise OSError("no route to host")

    w.source.warm = warm  # type: ignore[method-assign]
    assert w.store.warm_up().wait(60)
    assert get_secret("a").result() == "pl4nted-a"


def test_a_warm_up_ends_with_the_time_of_a_fetch() -> None:
    async def warm() -> None:
        stands_still(60)
        await asyncio.sleep(1000)

    with world() as w:
        w.source.warm = warm  # type: ignore[method-assign]
        assert w.store.warm_up().wait(60)
        assert get_secret("a").result() == "pl4nted-a"


def test_a_warm_up_without_a_source_has_ended(w: World) -> None:
    def choose(*_: object) -> Any:
        raise SecretError("no Region", secret_id="a")

    w.store.choose = choose
    assert w.store.warm_up().is_set()


def test_a_warm_up_that_cannot_start_has_ended(w: World, cannot_start: Callable[[], None]) -> None:
    assert w.store.warm_up().is_set()
    cannot_start()
    assert get_secret("a").result() == "pl4nted-a"


def test_a_warm_up_on_a_closed_loop_has_ended(w: World) -> None:
    get_secret("a").result()
    w.store._portal.close(None)
    assert w.store.warm_up().is_set()


def test_a_warm_up_ends_with_its_store(w: World) -> None:
    began = threading.Event()

    async def warm() -> None:
        began.set()
        await asyncio.sleep(1000)

    w.source.warm = warm  # type: ignore[method-assign]
    ended = w.store.warm_up()
    assert began.wait(60)
    w.store.close()
    assert ended.is_set()


async def test_a_warm_up_goes_on_while_connections_begin_anew(w: World) -> None:
    assert w.store.warm_up().wait(60)
    with configure(read_timeout=1.0):
        await until(lambda: w.source.closed)
        assert w.store.warm_up().wait(60)
    assert w.source.warmed == 2
