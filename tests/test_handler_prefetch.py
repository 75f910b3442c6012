"""Fetching while the handler's module is still importing: when it starts, and what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import snapshot_restore_py
from support.scripted import World, until, world
from support.secret_service import SecretService

from core_backend import (
    ConfigurationError,
    MissingEnvError,
    SecretAccessDeniedError,
    SecretName,
    SecretNotFoundError,
    async_handler,
    get_env,
    get_secret,
    get_secrets,
    secrets_info,
)
from core_backend.testing.local_lambda import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = Path(__file__).parent / "functions"
KEY = SecretName("api-key")


@pytest.fixture
def w() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    return monkeypatch


@pytest.fixture
def after_restore(on_lambda: pytest.MonkeyPatch) -> list[Any]:
    """SnapStart, and the hooks that Lambda's client runs after a restore."""
    on_lambda.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    hooks: list[Any] = []
    on_lambda.setattr(snapshot_restore_py, "_after_restore_registry", hooks)
    return hooks


def prefetching(*secrets: str) -> Any:
    @async_handler(prefetch=secrets)
    async def handler(event: object, context: object) -> Any:
        """Charge somebody."""
        return [await pending for pending in get_secrets(*secrets)]

    return handler


# --- when it starts


def test_on_lambda_it_starts_with_the_decorator(w: World, on_lambda: Any) -> None:
    with w.source.held():
        handler = prefetching("a", "b")
        w.source.arrived(2)
    assert handler(None, None) == ["pl4nted-a", "pl4nted-b"]
    assert w.calls == 2


def test_elsewhere_nothing_starts(w: World) -> None:
    handler = prefetching("a")
    assert secrets_info().fetches == 0
    assert handler(None, None) == ["pl4nted-a"]


def test_a_name_is_found_in_the_environment(w: World, on_lambda: pytest.MonkeyPatch) -> None:
    on_lambda.setenv("API_KEY", "a")
    prefetching(KEY)
    w.source.arrived()
    assert get_secret(get_env(KEY)).result() == "pl4nted-a"
    assert w.calls == 1


def test_under_snap_start_it_starts_after_each_restore(w: World, after_restore: list[Any]) -> None:
    handler = prefetching("a")
    assert secrets_info().fetches == 0
    for _ in range(2):
        w.store.clear()  # as before a snapshot
        for hook, given, named in after_restore:
            hook(*given, **named)
        w.source.arrived()
    assert handler(None, None) == ["pl4nted-a"]
    assert w.calls == 2


# --- what it decorates


def test_a_handler_that_prefetches_is_as_any_other(w: World) -> None:
    handler = prefetching("a")
    assert (handler.__name__, handler.__doc__) == ("handler", "Charge somebody.")


def test_an_empty_list_is_none(w: World, on_lambda: Any) -> None:
    assert prefetching()(None, None) == []


@pytest.mark.parametrize("wrong", ["a", KEY, ["a", None], [3]])
def test_what_is_no_list_of_names_is_refused_everywhere(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="prefetch takes a list"):

        @async_handler(prefetch=wrong)
        async def handler(event: object, context: object) -> None: ...


@pytest.mark.parametrize("wrong", [lambda event, context: event, None])
def test_what_is_no_async_def_is_refused_before_anything_starts(
    w: World, on_lambda: Any, wrong: Any
) -> None:
    with pytest.raises(ConfigurationError, match="async def"):
        async_handler(prefetch=["a"])(wrong)
    assert secrets_info().fetches == 0


# --- what goes wrong is raised where it is awaited


def test_a_missing_variable_is_named_when_it_is_read(w: World, on_lambda: Any) -> None:
    handler = prefetching(KEY, "a")
    w.source.arrived()  # the other one is under way all the same
    with pytest.raises(MissingEnvError, match="API_KEY"):
        handler(None, None)


def test_a_refusal_is_raised_by_each_who_awaits(w: World, on_lambda: Any) -> None:
    handler = prefetching("nothing")
    for _ in range(2):
        with pytest.raises(SecretNotFoundError, match="'nothing'"):
            handler(None, None)
    assert w.calls == 1


def test_what_may_not_be_fetched_is_refused_where_it_is_asked_for(on_lambda: Any) -> None:
    with world(allow=("b",)):
        handler = prefetching("a")
        with pytest.raises(SecretAccessDeniedError, match="not on the list"):
            handler(None, None)


def test_a_source_that_cannot_work_says_so_where_it_is_asked(w: World, on_lambda: Any) -> None:
    w.source.refused = ConfigurationError("no Region")
    handler = prefetching("a")
    with pytest.raises(ConfigurationError, match="no Region"):
        handler(None, None)


def test_a_defect_spares_the_import(w: World, on_lambda: Any) -> None:
    w.source.refused = ZeroDivisionError("a defect")
    handler = prefetching("a")
    with pytest.raises(ZeroDivisionError, match="a defect"):
        handler(None, None)


# --- an environment that is frozen between its start and its first event


def test_a_value_that_aged_in_the_freezer_is_fetched_anew(w: World, on_lambda: Any) -> None:
    handler = prefetching("a")
    w.source.arrived()
    w.source.rotate("a", "pl4nted-new")
    w.clock.freeze(3600)
    assert handler(None, None) == ["pl4nted-new"]


async def test_a_fetch_that_was_frozen_is_waited_for_by_nobody(w: World, on_lambda: Any) -> None:
    with w.source.held():
        prefetching("a")
        w.source.arrived()
        w.clock.freeze(60)
        w.source.rotate("a", "pl4nted-new")
        with w.source.let_through():
            assert await get_secret("a") == "pl4nted-new"
    await until(lambda: not w.store._flights._under_way)
    assert await get_secret("a") == "pl4nted-new"


# --- under Lambda's own client


@pytest.fixture
def service() -> Iterator[SecretService]:
    with SecretService({"real-key": "pl4nted-key", "plain": "pl4nted-plain"}) as made:
        yield made


VALUES = {"values": ["pl4nted-key", "pl4nted-plain"]}


def test_the_first_event_finds_the_values_ready(service: SecretService) -> None:
    env = service.environ | {"API_KEY": "real-key"}
    with LocalLambda("eager.handler", FUNCTIONS, env=env) as function:
        function.start()
        service.wait_for_calls(2)
        payload = function.invoke(VALUES).payload
    assert payload == {"values": True, "fetches": 2, "fetches_by_import": 2}


def test_a_function_that_is_frozen_once_it_has_started_fetches_all_the_same(
    service: SecretService,
) -> None:
    env = service.environ | {
        "API_KEY": "real-key",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency",
    }
    service.latency = 0.05
    with LocalLambda("eager.handler", FUNCTIONS, env=env) as function:
        function.start()
        function.freeze()
        assert function.invoke(VALUES).payload["values"]


def test_a_snapshot_holds_no_value_and_a_restored_function_has_them(
    service: SecretService,
) -> None:
    env = service.environ | {"API_KEY": "real-key"}
    with LocalLambda("eager.handler", FUNCTIONS, env=env, snap_start=True) as function:
        function.start()
        assert not service.calls
        function.restore()
        service.wait_for_calls(2)
        payload = function.invoke(VALUES).payload
    assert payload == {"values": True, "fetches": 2, "fetches_by_import": 0}


def test_a_variable_that_is_missing_fails_the_event_and_not_the_start(
    service: SecretService,
) -> None:
    with LocalLambda("eager.handler", FUNCTIONS, env=service.environ) as function:
        function.start()
        failed = [function.invoke(VALUES).error for _ in range(2)]
    assert [error.type for error in failed if error] == ["MissingEnvError"] * 2
