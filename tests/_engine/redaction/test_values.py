"""Which values are masked, and when they are forgotten."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import types

import pytest
from support.log_lines import handling
from support.scripted import ScriptedSource, world

from core_backend import clear_secrets, configure, get_secret, get_secrets
from core_backend._engine import process, redaction

VALUE = "pl4nted-redacting"


def test_a_rotated_value_is_masked_until_the_next_rotation(redacting, source, written, log):
    values = [get_secret("key").result()]
    for number in (1, 2):
        source.rotate("key", f"{VALUE}-{number}-new")
        values.append(get_secret("key", fresh=True).result())
        redacting.clock.advance(2)
    redactor = process.get_store().cache._redactor
    assert values[2] in redactor._forms
    assert values[1] in redactor._forms
    assert values[0] not in redactor._forms
    log.info("%s %s", values[1], values[2])
    assert written.lines == ["*** ***"]


def test_a_refresh_with_nothing_new_keeps_what_is_masked(value, redacting):
    redactor = process.get_store().cache._redactor
    before = redactor._forms
    redacting.clock.advance(2)
    get_secret("key", fresh=True).result()
    assert redactor._forms is before


def test_a_value_that_comes_back_is_known_once(redacting, source):
    for value in (VALUE, f"{VALUE}-1", VALUE):
        source.rotate("key", value)
        get_secret("key", fresh=True).result()
        redacting.clock.advance(2)
    redactor = process.get_store().cache._redactor
    assert [*redactor._known["key"]] == [f"{VALUE}-1", VALUE]


def test_a_refresh_makes_a_secret_one_of_those_fetched_last():
    with world(redact_logs=True, max_entries=2) as w:
        get_secrets("a", "b").result()
        w.clock.advance(2)
        get_secret("a", fresh=True).result()
        get_secret("c").result()
        assert {*w.store.cache._redactor._known} == {"a", "c"}


def test_documents_that_share_a_string_are_each_masked_as_a_whole(redacting, source, written, log):
    for name in ("one", "two"):
        document = {"host": "pl4nted-shared", "pin": f"pl4{name}"}
        source.secrets[name] = json.dumps(document)
    one, two = get_secrets("one", "two").result()
    log.info("%s %s", one, two)
    assert written.lines == ["*** ***"]


def test_what_was_forgotten_before_it_is_switched_on_is_not_known(source):
    with world(source=source):
        kept = get_secret("key")
        assert len(kept.result()) == len("pl4nted-redaction")
        clear_secrets()
        with configure(redact_logs=True):
            assert not process.get_store().cache._redactor._forms


def test_no_more_secrets_are_known_than_are_cached(written, log):
    with world(redact_logs=True, max_entries=3) as w:
        get_secrets(*"abcde").result()
        redactor = w.store.cache._redactor
        assert {*redactor._known} == {"c", "d", "e"}
        configure(max_entries=1)
        assert {*redactor._known} == {"e"}
        log.info("%s", get_secret("e").result())
    assert written.lines == ["***"]


def held_by_anybody(text):
    """Whether a longer str that begins with the text can be reached from anywhere but a frame."""
    gc.collect()
    # Python 3.12's _asyncio shows what it has freed, which would be freed again.
    beyond = sys.modules["_asyncio"]
    waiting = [
        one
        for one in gc.get_objects()
        if one is not beyond and not isinstance(one, types.FrameType)
    ]
    while waiting:
        for held in gc.get_referents(waiting.pop()):
            if isinstance(held, str) and held.startswith(text) and held != text:
                return True
            # Of nothing but strings, it is in no list of objects.
            if isinstance(held, (tuple, dict)) and not gc.is_tracked(held):
                waiting.append(held)
    return False


@pytest.mark.parametrize("forget", [clear_secrets, process.reset])
def test_forgetting_secrets_leaves_no_value_within_reach(forget, log):
    # Put together here, so that no constant holds it.
    marker = "pl4nted_reach".replace("_", "-")
    source = ScriptedSource()
    with world(redact_logs=True, source=source):
        source.secrets["key"] = f"{marker}-1"
        log.info("key %s", get_secret("key").result())
        source.secrets.clear()
        assert held_by_anybody(marker)
        forget()
        assert not held_by_anybody(marker)


def test_after_forgetting_the_next_value_is_masked(value, written, log):
    clear_secrets()
    log.info("plain")
    log.info("key %s", get_secret("key").result())
    assert written.lines == ["plain", "key ***"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_masks_its_parents_values_and_its_own(value, source, log):
    with handling() as written:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                log.info("key %s", value)
                with process.replaced(source=ScriptedSource(own="pl4nted-own-child")):
                    log.info("own %s", get_secret("own").result(timeout=10))
                good = written.lines == ["key ***", "own ***"]
                process.reset()
                status = 0 if good and written.filters == [] else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_threads_log_while_others_fetch(redacting, source, written, log):
    source.secrets.update({f"s{n}": f"{VALUE}-{n}-x" for n in range(50)})
    gate = threading.Barrier(5)

    def work(first):
        gate.wait(10)
        for n in range(first, 50, 5):
            log.info("key %s", get_secret(f"s{n}").result())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert written.lines == ["key ***"] * 50


def test_a_hit_asks_nothing_of_it(value, monkeypatch):
    def unexpected(*_):
        raise AssertionError("asked")

    for name in ("keep", "resize", "forget", "close"):
        monkeypatch.setattr(redaction.Redactor, name, unexpected)
    assert get_secret("key").result() == value
    monkeypatch.undo()


@pytest.mark.parametrize(("switch", "expected"), [("true", True), ("false", False), ("", False)])
def test_redaction_is_imported_only_if_it_is_enabled(switch, expected):
    program = (
        "import sys; from core_backend import secrets_info; secrets_info();"
        "print('core_backend._engine.redaction' in sys.modules,"
        "'core_backend._engine.masking' in sys.modules)"
    )
    environ = {**os.environ, "CORE_BACKEND_REDACT_LOGS": switch}
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, env=environ, timeout=30, capture_output=True
    )
    assert done.stdout.decode().split() == [str(expected)] * 2
