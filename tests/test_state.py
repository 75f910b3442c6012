"""The composition root."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import pytest
from support.scripted import ScriptedSource, world

from core_backend import ConfigurationError, _state, configure, get_secret, secrets_info
from core_backend._settings import Settings


def test_the_settings_are_read_from_the_environment_on_first_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CORE_BACKEND_TTL", "12.5")
    _state.reset()
    assert _state.get_store().settings.ttl == 12.5
    assert _state.get_store() is _state.get_store()
    monkeypatch.delenv("CORE_BACKEND_TTL")
    assert _state.get_store().settings.ttl == 12.5
    _state.reset()
    assert _state.get_store().settings == Settings()


def test_a_wrong_variable_is_named_where_a_secret_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CORE_BACKEND_TTL", "soon")
    _state.reset()
    with pytest.raises(ConfigurationError, match="CORE_BACKEND_TTL"):
        get_secret("a")
    monkeypatch.delenv("CORE_BACKEND_TTL")
    assert _state.get_store().settings == Settings()


def test_many_threads_build_one_store() -> None:
    _state.reset()
    barrier = threading.Barrier(20)
    built: list[object] = []

    def build() -> None:
        barrier.wait(10)
        built.append(_state.get_store())

    threads = [threading.Thread(target=build) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(store) for store in built}) == 1


def test_configure_restores_what_was_at_the_end_of_a_block() -> None:
    before = _state.get_store().settings
    with configure(ttl=1, attempts=5):
        assert (_state.get_store().settings.ttl, _state.get_store().settings.attempts) == (1.0, 5)
        with configure(ttl=2):
            assert _state.get_store().settings.ttl == 2.0
        assert _state.get_store().settings.ttl == 1.0
    assert _state.get_store().settings == before


def test_configure_without_a_block_stays() -> None:
    restore = configure(ttl=1)
    assert _state.get_store().settings.ttl == 1.0
    with restore:
        pass
    assert _state.get_store().settings == Settings()


def test_configure_refuses_everything_where_one_thing_is_wrong() -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)attempts.*nonsense"):
        configure(ttl=1, attempts=0, nonsense=1)
    assert _state.get_store().settings == Settings()


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
    with world(ttl=7.0) as outer, _state.override() as store:
        assert store.settings.ttl == 7.0
        assert get_secret("a").result() == "pl4nted-a"
        assert outer.calls == 1


def test_a_reset_within_an_override_is_not_undone() -> None:
    with world():
        _state.reset()
        after = _state.get_store()
    assert _state.get_store() is after


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
                with _state.override(source=source):
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
        from core_backend import _state
        assert [func for func, _, _ in get_before_snapshot()] == [_state.reset]
    """)
    environ = {**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environ, timeout=30)
