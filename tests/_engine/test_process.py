"""The composition root."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest
from support.scripted import ScriptedSource, world
from support.settings import vars_of

from core_backend import ConfigurationError, configure, get_secret, secrets_info
from core_backend._configuration import Settings
from core_backend._engine import process
from core_backend.testing.clock import FakeClock
from core_backend.testing.local_lambda import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_before_or_after() -> Iterator[None]:
    process.reset()
    yield
    process.reset()


def test_the_settings_are_read_from_the_environment_on_first_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CORE_BACKEND_TTL", "12.5")
    process.reset()
    assert process.get_store().settings.ttl == 12.5
    assert process.get_store() is process.get_store()
    monkeypatch.delenv("CORE_BACKEND_TTL")
    assert process.get_store().settings.ttl == 12.5
    process.reset()
    assert vars_of(process.get_store().settings) == vars_of(Settings())


def test_a_wrong_variable_is_named_where_a_secret_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CORE_BACKEND_TTL", "soon")
    process.reset()
    with pytest.raises(ConfigurationError, match="CORE_BACKEND_TTL"):
        get_secret("a")
    monkeypatch.delenv("CORE_BACKEND_TTL")
    assert vars_of(process.get_store().settings) == vars_of(Settings())


def test_many_threads_build_one_store() -> None:
    process.reset()
    barrier = threading.Barrier(20)
    built: list[object] = []

    def build() -> None:
        barrier.wait(10)
        built.append(process.get_store())

    threads = [threading.Thread(target=build) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(store) for store in built}) == 1


def test_configure_restores_what_was_at_the_end_of_a_block() -> None:
    before = process.get_store().settings
    with configure(ttl=1, attempts=5):
        assert (process.get_store().settings.ttl, process.get_store().settings.attempts) == (1.0, 5)
        with configure(ttl=2):
            assert process.get_store().settings.ttl == 2.0
        assert process.get_store().settings.ttl == 1.0
    assert vars_of(process.get_store().settings) == vars_of(before)


def test_configure_without_a_block_stays() -> None:
    restore = configure(ttl=1)
    assert process.get_store().settings.ttl == 1.0
    with restore:
        pass
    assert vars_of(process.get_store().settings) == vars_of(Settings())


def test_configure_refuses_everything_where_one_thing_is_wrong() -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)attempts.*nonsense"):
        configure(ttl=1, attempts=0, nonsense=1)
    assert vars_of(process.get_store().settings) == vars_of(Settings())


def test_an_override_starts_empty_and_restores_what_was() -> None:
    with world() as outer:
        get_secret("a").result()
        with world() as inner:
            get_secret("a").result()
            assert (outer.calls, inner.calls) == (1, 1)
        get_secret("a").result()
        assert outer.calls == 1
        assert inner.source.closed == 1


def test_an_override_inherits_what_it_does_not_replace() -> None:
    with world(ttl=7.0) as outer, process.replaced():
        store = process.get_store()
        assert store.settings.ttl == 7.0
        assert get_secret("a").result() == "pl4nted-a"
        assert outer.calls == 1


def test_a_reset_within_an_override_keeps_its_parts() -> None:
    with world() as w:
        get_secret("a").result()
        process.reset()
        assert get_secret("a").result() == "pl4nted-a"
        assert w.calls == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_starts_over_and_leaves_the_parent_alone() -> None:
    source = ScriptedSource(a="pl4nted-a")
    with world(source=source) as w:
        get_secret("a").result()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                fresh = secrets_info()
                with process.replaced(source=source):
                    value = get_secret("a").result(timeout=10)
                status = 0 if (fresh.hits, fresh.misses, value) == (0, 0, "pl4nted-a") else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert get_secret("a").result() == "pl4nted-a"
        assert w.calls == 1


def test_a_snapshot_is_taken_of_an_empty_cache() -> None:
    program = textwrap.dedent("""
        from snapshot_restore_py import get_before_snapshot
        from core_backend._engine import process
        [(hook, args, options)] = get_before_snapshot()
        hook(*args, **options)
        assert get_before_snapshot()[0] == (process.reset, (), {})
    """)
    environ = {**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environ, timeout=30)


def source_of(value: str) -> ScriptedSource:
    return ScriptedSource(a=f"pl4nted-state-{value}")


def fetched() -> str:
    return get_secret("a").result().removeprefix("pl4nted-state-")


def test_the_parts_on_top_are_in_place_and_those_below_come_back_with_what_they_know() -> None:
    below, above = source_of("below"), source_of("above")
    with process.replaced(source=below):
        assert fetched() == "below"
        with process.replaced(source=above):
            assert fetched() == "above"
        assert fetched() == "below"
    assert len(below.calls) == 1


def test_what_is_not_replaced_stays() -> None:
    clock, source = FakeClock(), source_of("value")
    with process.replaced(clock=clock), process.replaced(source=source):
        assert fetched() == "value"
        clock.advance(1000)
        assert fetched() == "value"
    assert len(source.calls) == 2


def test_parts_can_end_in_any_order() -> None:
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(process.replaced(source=source_of("first")))
    assert fetched() == "first"
    second.enter_context(process.replaced(source=source_of("second")))
    assert fetched() == "second"
    first.close()
    assert fetched() == "second"
    second.close()
    assert process.get_store().stats.fetches == 0


def test_parts_that_end_take_along_what_was_made_with_them() -> None:
    first, clock = contextlib.ExitStack(), FakeClock()
    first.enter_context(process.replaced(clock=clock))
    with process.replaced(source=source_of("value")):
        assert process.get_store().clock is clock
        first.close()
        assert process.get_store().clock is not clock
        assert fetched() == "value"


def test_what_is_configured_outlives_a_reset() -> None:
    restore = configure(ttl=7)
    with configure(attempts=2):
        process.reset()
        assert (process.get_store().settings.ttl, process.get_store().settings.attempts) == (7, 2)
    with restore:
        pass
    assert process.get_store().settings.ttl == Settings().ttl


def test_what_is_configured_outlives_a_snapshot(tmp_path: Path) -> None:
    source = """
from core_backend import configure
from core_backend._engine import process

configure(ttl=7)

def handler(event, context):
    return process.get_store().settings.ttl
"""
    (tmp_path / "handler.py").write_text(source, encoding="utf-8")
    with LocalLambda(task_root=tmp_path, snap_start=True) as function:
        assert function.invoke().payload == 7


# Under xdist there is a thread besides; nothing but the fork happens here.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_what_is_configured_outlives_a_fork() -> None:
    with configure(ttl=7):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if process.get_store().settings.ttl == 7 else 1)
        _, status = os.waitpid(pid, 0)
    assert status == 0


def test_what_is_configured_under_replaced_parts_stays_where_settings_are_not_replaced() -> None:
    _ = process.get_store()
    with process.replaced(source=source_of("value")):
        restore = configure(ttl=7)
        assert process.get_store().settings.ttl == 7
    assert process.get_store().settings.ttl == 7
    with restore:
        pass
    assert process.get_store().settings.ttl == Settings().ttl


def test_what_is_configured_under_replaced_settings_ends_with_them() -> None:
    settings = process.get_store().settings
    with process.replaced(settings=settings.replace(ttl=50)):
        configure(max_stale=5)
        expected = settings.replace(ttl=50, max_stale=5)
        assert vars_of(process.get_store().settings) == vars_of(expected)
    assert vars_of(process.get_store().settings) == vars_of(settings)


def test_restoring_outside_touches_no_replaced_settings() -> None:
    settings = process.get_store().settings
    with contextlib.ExitStack() as stack:
        restore = configure(ttl=7)
        stack.enter_context(process.replaced(settings=settings.replace(ttl=50)))
        assert process.get_store().settings.ttl == 50
        with restore:
            pass
        assert process.get_store().settings.ttl == 50
    assert process.get_store().settings.ttl == Settings().ttl
