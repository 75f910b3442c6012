"""What the store does with its source, its settings and its counts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.scripted import ScriptedSource, World, until, until_fetched, world

from core_backend import ConfigurationError, configure, get_secret, get_secrets, secrets_info
from core_backend._engine.cache import Entry

if TYPE_CHECKING:
    from core_backend._configuration import Settings
    from core_backend.sources import SecretRequest, SecretValue


async def test_settings_that_concern_connections_begin_them_anew(w: World) -> None:
    await get_secret("a")
    source = w.store._source
    with configure(ttl=10):
        assert w.store._source is source
    with configure(read_timeout=1.0):
        await get_secret("b")
        await until_fetched(w, 2)
        await until(lambda: w.source.closed)
    assert await get_secret("a") == "pl4nted-a"


async def test_a_source_in_use_is_closed_after_its_fetches(w: World) -> None:
    with w.source.held():
        pending = get_secret("a")
        w.source.arrived()
        with configure(read_timeout=1.0):
            assert w.source.closed == 0
    assert await pending == "pl4nted-a"


async def test_settings_changed_before_any_fetch_have_nothing_to_close(w: World) -> None:
    with configure(read_timeout=1.0):
        assert await get_secret("a") == "pl4nted-a"


def test_hits_in_other_threads_are_no_trouble_to_a_change_of_settings(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_secrets("a", "b", "c").result()
    schedule = Entry.schedule

    def interrupted(entry: Entry, settings: Settings) -> None:
        get_secret("a").result()
        schedule(entry, settings)

    monkeypatch.setattr(Entry, "schedule", interrupted)
    configure(ttl=10)
    assert secrets_info().fetches == 3


def test_settings_that_change_while_the_source_is_made_make_another(w: World) -> None:
    made_with: list[float] = []

    def choose(settings: Settings, clock: object) -> tuple[ScriptedSource, str, str]:
        made_with.append(settings.read_timeout)
        if len(made_with) == 1:
            configure(read_timeout=1.0)
        return w.source, "scripted", ""

    w.store.choose = choose
    assert get_secret("a").result() == "pl4nted-a"
    assert made_with == [2.0, 1.0]


async def test_a_hit_answers_though_the_settings_went_wrong_since(w: World) -> None:
    def broken(*_: object) -> None:
        raise ConfigurationError("an extra is missing")

    await get_secret("a")
    w.store.choose = broken
    w.clock.advance(250)
    with configure(read_timeout=1.0):
        assert await get_secret("a") == "pl4nted-a"
        with pytest.raises(ConfigurationError):
            get_secret("b")


async def test_closing_cuts_off_what_is_under_way(w: World) -> None:
    with w.source.held():
        pending = get_secret("a")
        w.source.arrived()
        flight = pending._answer
        w.store.close()
        assert flight.error is not None
        assert "cut off" in str(flight.error)
    # Its handle asks the store that serves now.
    assert await pending == "pl4nted-a"


async def test_with_batches_what_one_call_misses_is_fetched_in_one_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []

    class Source(ScriptedSource):
        async def fetch(self, request: SecretRequest) -> SecretValue:
            order.append(f"{request.secret_id} starts")
            await asyncio.sleep(0)
            order.append(f"{request.secret_id} goes on")
            return await super().fetch(request)

    with world(source=Source(a="pl4nted-a", b="pl4nted-b"), batch=True) as w:
        launch = w.store._launch

        def slow(*args: Any, **options: Any) -> Any:
            flight = launch(*args, **options)
            # The first has the time to run ahead, were it started by itself.
            time.sleep(0.05)
            return flight

        monkeypatch.setattr(w.store, "_launch", slow)
        assert await get_secrets("a", "b") == ("pl4nted-a", "pl4nted-b")
    assert order == ["a starts", "b starts", "a goes on", "b goes on"]


async def test_info_counts_and_says_where_values_come_from(w: World) -> None:
    assert secrets_info().source is None
    with w.source.held():
        asked = get_secrets("a", "a", "b")
    await asked
    await get_secret("a")
    info = secrets_info()
    assert (info.hits, info.misses, info.fetches, info.coalesced) == (1, 3, 2, 1)
    assert info.source == "given"
    assert "pl4nted" not in repr(info)
