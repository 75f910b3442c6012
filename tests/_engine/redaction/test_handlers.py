"""Which handlers are covered, and when that begins and ends."""

from __future__ import annotations

import functools
import io
import logging

import pytest
from support.log_lines import handling
from support.scripted import world

from core_backend import configure, get_secret

VALUE = "pl4nted-redacting"


@pytest.mark.parametrize("later", [True, False])
def test_handlers_that_come_later_are_covered(redacting, later, log):
    value = None if later else get_secret("key").result()
    with handling() as written:
        value = value or get_secret("key").result()
        log.info("key %s", value)
        assert written.lines == ["key ***"]
        assert len(written.filters) == 1
    # Once it is the root's no more, it is left alone.
    log.info("another")
    assert written.filters == []


def test_handlers_put_in_the_place_of_all_others_are_covered(value, monkeypatch, log):
    stream = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [])
    logging.basicConfig(stream=stream, format="%(message)s", force=True)
    log.warning("key %s", value)
    assert stream.getvalue() == "key ***\n"


def test_what_is_written_without_any_handler_is_covered(value, monkeypatch, capsys, log):
    monkeypatch.setattr(logging.root, "handlers", [])
    log.warning("key %s", value)
    assert capsys.readouterr().err == "key ***\n"


def test_there_may_be_no_last_resort(source, monkeypatch, written, log):
    monkeypatch.setattr(logging, "lastResort", None)
    with world(redact_logs=True, source=source):
        log.info("key %s", get_secret("key").result())
    assert written.lines == ["key ***"]


def test_switching_it_on_twice_changes_nothing_and_off_takes_all_of_it_away(value, written, log):
    log.info("one")
    configure(redact_logs=True)
    configure(ttl=7)
    log.info("key %s", value)
    assert len(written.filters) == 1
    configure(redact_logs=False)
    log.info("key length %s", len(value))
    assert written.filters == []
    assert logging.lastResort.filters == []
    assert logging.getLogRecordFactory() is logging.LogRecord
    assert written.lines == ["one", "key ***", "key length 17"]


def test_the_end_of_a_block_takes_it_away(written, log):
    with world() as w:
        with configure(redact_logs=True):
            log.info("key %s", get_secret("a").result())
            assert len(written.filters) == 1
        assert written.filters == []
        assert w.store.settings.redact_logs is False
    assert written.lines == ["key ***"]


def test_two_threads_that_add_it_at_once_leave_no_rest(value, written, log):
    log.info("attached")
    # What addFilter comes to where two threads have looked before either has appended.
    written.filters.append(written.filters[0])
    configure(redact_logs=False)
    assert written.filters == []


def test_somebody_elses_record_factory_is_kept(source, written, log):
    class Record(logging.LogRecord):
        pass

    logging.setLogRecordFactory(Record)
    try:
        with world(redact_logs=True, source=source):
            log.info("key %s", get_secret("key").result())
            around = logging.getLogRecordFactory()
            logging.setLogRecordFactory(functools.partial(around))
        assert type(written.records[0]) is Record
        # Ours is within theirs now, and does nothing.
        with handling() as later:
            log.info("plain")
        assert later.filters == []
        assert type(later.records[0]) is Record
    finally:
        logging.setLogRecordFactory(logging.LogRecord)
