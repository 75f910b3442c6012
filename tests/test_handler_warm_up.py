"""What is done at the start of a function: when it is, how long that takes, and what goes wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import snapshot_restore_py
from support.scripted import World, until, world

from core_backend import (
    ConfigurationError,
    MissingEnvError,
    SecretAccessDeniedError,
    SecretFormatError,
    SecretName,
    SecretNotFoundError,
    async_handler,
    configure,
    get_env,
    get_secret,
    get_secrets,
    prefetch,
    secrets_info,
    sync_handler,
)
from core_backend._engine import process
from core_backend._engine.store import Store
from core_backend.handler import _Start

KEY = SecretName("api-key")


class WarmUps:
    """Stands in for the warm-up of a store: counts them, and how long each is waited for."""

    def __init__(self) -> None:
        self.started = 0
        self.waits: list[float] = []
        self.now = 0.0
        self.takes = 0.0
        self.error: Exception | None = None

    def start(self) -> Any:
        if self.error is not None:
            raise self.error
        self.started += 1
        return self

    def wait(self, timeout: float) -> None:
        self.waits.append(timeout)
        self.now += min(timeout, self.takes)


@pytest.fixture(autouse=True)
def warm_ups(monkeypatch: pytest.MonkeyPatch) -> WarmUps:
    made = WarmUps()
    monkeypatch.setattr(Store, "warm_up", made.start, raising=False)
    return made


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    return monkeypatch


@pytest.fixture
def impatient(on_lambda: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The decorators do not wait for the values."""
    on_lambda.setattr("core_backend.handler._FETCHING", 0.0)
    return on_lambda


@pytest.fixture
def slow(warm_ups: WarmUps, on_lambda: pytest.MonkeyPatch) -> WarmUps:
    """A warm-up that would take a minute, on a clock of its own."""
    warm_ups.takes = 60
    clock = SimpleNamespace(monotonic=lambda: warm_ups.now)
    on_lambda.setattr("core_backend.handler.time", clock)
    return warm_ups


class Restores:
    """Runs what Lambda's client would run after a restore."""

    def __init__(self) -> None:
        self.hooks: list[Any] = []

    def restore(self) -> None:
        for hook, given, named in self.hooks:
            hook(*given, **named)


@pytest.fixture
def snap_start(on_lambda: pytest.MonkeyPatch) -> Restores:
    on_lambda.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    restores = Restores()
    on_lambda.setattr(snapshot_restore_py, "_after_restore_registry", restores.hooks)
    return restores


def define_async(*secrets: str) -> Any:
    @async_handler(prefetch=secrets)
    async def handler(event: object, context: object) -> Any:
        return [await pending for pending in get_secrets(*secrets)]

    return handler


def define_sync(*secrets: str) -> Any:
    @sync_handler(prefetch=secrets)
    def handler(event: object, context: object) -> Any:
        return [pending.result() for pending in get_secrets(*secrets)]

    return handler


def define_below_prefetch(*secrets: str) -> Any:
    prefetch(*secrets)
    return sync_handler(lambda _event, _context: [p.result() for p in get_secrets(*secrets)])


WAYS = [define_async, define_sync, define_below_prefetch]


# --- prefetching: when it starts, and what waits for it


@pytest.mark.parametrize("way", WAYS)
def test_on_lambda_the_values_are_there_once_the_handler_is_defined(
    w: World, on_lambda: Any, way: Any
) -> None:
    handler = way("a", "b")
    w.source.refused = ZeroDivisionError("nothing is fetched any more")
    assert handler(None, None) == ["pl4nted-a", "pl4nted-b"]
    assert w.calls == 2


def test_it_starts_at_once(w: World, on_lambda: Any) -> None:
    with w.source.held():
        prefetch("a", "b")
        w.source.arrived(2)


def test_a_start_waits_no_longer_than_it_may(w: World, impatient: Any) -> None:
    with w.source.held():
        handlers = [define_async("a"), define_async("b")]
        w.source.arrived(2)
    assert [handler(None, None) for handler in handlers] == [["pl4nted-a"], ["pl4nted-b"]]
    assert w.calls == 2


@pytest.mark.parametrize("way", WAYS)
def test_elsewhere_nothing_starts(w: World, warm_ups: WarmUps, way: Any) -> None:
    handler = way("a")
    assert (secrets_info().fetches, warm_ups.started) == (0, 0)
    assert handler(None, None) == ["pl4nted-a"]


def test_a_name_is_found_in_the_environment(w: World, on_lambda: pytest.MonkeyPatch) -> None:
    on_lambda.setenv("API_KEY", "a")
    define_async(KEY)
    assert get_secret(get_env(KEY)).result() == "pl4nted-a"
    assert w.calls == 1


@pytest.mark.parametrize("way", WAYS)
def test_under_snap_start_it_starts_after_each_restore(
    w: World, snap_start: Restores, way: Any
) -> None:
    handler = way("a")
    assert secrets_info().fetches == 0
    for _ in range(2):
        w.store.clear()  # as before a snapshot
        snap_start.restore()
        w.source.arrived()
    assert handler(None, None) == ["pl4nted-a"]
    assert w.calls == 2


def test_an_empty_list_prefetches_nothing(w: World, on_lambda: Any) -> None:
    prefetch()
    assert define_async()(None, None) == []


@pytest.mark.parametrize("wrong", ["a", KEY, ["a", None], [3]])
def test_what_is_not_a_list_of_names_is_refused_everywhere(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="prefetch takes SecretNames and ids"):
        sync_handler(prefetch=wrong)(print)
    if not isinstance(wrong, str):
        with pytest.raises(ConfigurationError, match="prefetch takes SecretNames and ids"):
            prefetch(wrong)


@pytest.mark.parametrize("wrong", [lambda event, context: event, None])
def test_what_is_refused_is_so_before_anything_starts(
    w: World, on_lambda: Any, warm_ups: WarmUps, wrong: Any
) -> None:
    with pytest.raises(ConfigurationError, match="async def"):
        async_handler(prefetch=["a"])(wrong)
    assert (secrets_info().fetches, warm_ups.started) == (0, 0)


# --- prefetching: what goes wrong is raised where it is awaited


def test_a_missing_variable_is_named_when_it_is_read(w: World, on_lambda: Any) -> None:
    handler = define_async(KEY, "a")
    w.source.arrived()  # the other one was fetched all the same
    with pytest.raises(MissingEnvError, match="API_KEY"):
        handler(None, None)


def test_a_refusal_is_raised_by_each_who_awaits(w: World, on_lambda: Any) -> None:
    handler = define_async("nothing")
    for _ in range(2):
        with pytest.raises(SecretNotFoundError, match="'nothing'"):
            handler(None, None)
    assert w.calls == 1


def test_what_may_not_be_fetched_is_refused_where_it_is_asked_for(on_lambda: Any) -> None:
    with world(allow=("b",)):
        handler = define_async("a")
        with pytest.raises(SecretAccessDeniedError, match="not on the list"):
            handler(None, None)


@pytest.mark.parametrize("error", [ConfigurationError("no Region"), ZeroDivisionError("a defect")])
def test_a_source_that_cannot_work_spares_the_import(
    w: World, on_lambda: Any, error: Exception
) -> None:
    w.source.refused = error
    handler = define_async("a")
    with pytest.raises(type(error), match=str(error)):
        handler(None, None)


def test_a_parser_that_fails_does_so_where_it_is_asked_for(w: World, on_lambda: Any) -> None:
    on_lambda.setenv("NUMBER", "a")
    parsed = SecretName("number", parse=int)
    handler = define_async(parsed)
    with pytest.raises(SecretFormatError, match="'a'"):
        handler(None, None)
    assert w.calls == 1


def test_one_that_fails_leaves_the_others_to_be_waited_for(w: World) -> None:
    start: Any = _Start(w.store)
    waits: list[float] = []

    def fail(_timeout: float) -> None:
        raise ZeroDivisionError

    start._pending = [SimpleNamespace(result=each) for each in (waits.append, fail, waits.append)]
    start.wait()
    assert len(waits) == 2


# --- prefetching: an environment that is frozen between its start and its first event


def test_a_value_that_aged_in_the_freezer_is_fetched_anew(w: World, on_lambda: Any) -> None:
    handler = define_async("a")
    w.source.rotate("a", "pl4nted-new")
    w.clock.freeze(3600)
    assert handler(None, None) == ["pl4nted-new"]


async def test_a_fetch_that_was_frozen_is_waited_for_by_nobody(w: World, impatient: Any) -> None:
    with w.source.held():
        define_async("a")
        w.source.arrived()
        w.clock.freeze(60)
        w.source.rotate("a", "pl4nted-new")
        with w.source.let_through():
            assert await get_secret("a") == "pl4nted-new"
    await until(lambda: not w.store._flights._under_way)
    assert await get_secret("a") == "pl4nted-new"


# --- connecting


def define_two() -> Any:
    return async_handler(noop), sync_handler(lambda event, context: event)


async def noop(event: object, context: object) -> object:
    return event


def test_on_lambda_a_handler_connects_once_however_many_there_are(
    w: World, on_lambda: Any, warm_ups: WarmUps
) -> None:
    for handler in define_two():
        assert handler(1, None) == 1
    assert warm_ups.started == 1
    assert warm_ups.waits[0] == 0.25


def test_the_handlers_of_a_module_share_the_time_that_a_start_waits(
    w: World, slow: WarmUps
) -> None:
    define_two()
    define_two()
    assert slow.waits == [0.25, 0.0, 0.0, 0.0]


def test_what_is_prefetched_connects_by_itself(w: World, on_lambda: Any, warm_ups: WarmUps) -> None:
    define_async("a")
    assert warm_ups.started == 0


def test_where_nothing_can_be_prefetched_it_connects(
    w: World, on_lambda: Any, warm_ups: WarmUps
) -> None:
    define_async(KEY)  # whose variable is missing
    assert warm_ups.started == 1


def test_a_loop_is_made_meanwhile(w: World, on_lambda: Any, warm_ups: WarmUps) -> None:
    made: list[Any] = []
    on_lambda.setattr("core_backend._loop.get_kept_loop", lambda: made.append(warm_ups.waits[:]))
    async_handler(noop)
    assert made == [[]]  # before anything was waited for


def test_it_can_be_switched_off(w: World, on_lambda: Any, warm_ups: WarmUps) -> None:
    with configure(warm_up=False):
        define_two()
        define_async("a")
    assert warm_ups.started == 0
    assert w.calls == 1


def test_a_fault_in_it_spares_the_import(w: World, on_lambda: Any, warm_ups: WarmUps) -> None:
    warm_ups.error = ZeroDivisionError("a defect")
    assert [handler(1, None) for handler in define_two()] == [1, 1]


def test_so_does_a_setting_that_is_wrong(on_lambda: pytest.MonkeyPatch) -> None:
    on_lambda.setenv("CORE_BACKEND_TTL", "soon")
    with process.replaced():
        handler = define_async("a")
        with pytest.raises(ConfigurationError, match="CORE_BACKEND_TTL"):
            handler(None, None)


def test_under_snap_start_it_connects_after_each_restore(
    w: World, snap_start: Restores, warm_ups: WarmUps
) -> None:
    define_two()
    assert (warm_ups.started, warm_ups.waits) == (0, [])
    snap_start.restore()
    assert warm_ups.started == 1
    with world():  # which a snapshot brings
        snap_start.restore()
    assert warm_ups.started == 2
