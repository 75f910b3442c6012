"""What the filter makes of a record, where masking the logs is wanted."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from awslambdaric.lambda_runtime_log_utils import JsonFormatter
from support.log_lines import handling
from support.scripted import world

from core_backend import configure, get_secret
from core_backend._engine import process

VALUE = "pl4nted-redaction"


def test_a_value_is_masked_in_the_message_and_its_arguments(value, written, log):
    log.info("key %s", value)
    log.info("key %s and %d, %s", f"Bearer {value}", 7, [value + "x"])
    log.info("key %(key)s", {"key": value})
    log.info(f"key {value}")  # noqa: G004  # a careless one
    log.info({"key": str(value)})
    log.info(ValueError(value))
    assert written.lines == [
        "key ***",
        "key Bearer *** and 7, ['***x']",
        "key ***",
        "key ***",
        "{'key': '***'}",
        "***",
    ]


def test_a_percent_sign_in_a_masked_message_is_not_formatted_again(value, written, log):
    log.info("100 %% of %s, %%d", value)
    assert written.lines == ["100 % of ***, %d"]


def test_values_fetched_before_it_was_switched_on_are_masked(source, written, log):
    with world(source=source):
        value = get_secret("key").result()
        with configure(redact_logs=True):
            log.info("key %s", value)
    assert written.lines == ["key ***"]


def test_a_value_is_masked_in_tracebacks(value, written, log):
    try:
        raise KeyError(f"no {value}")
    except KeyError:
        log.exception("failed with %s", value)
    assert "pl4nted" not in written.text
    assert written.lines[0].startswith("failed with ***\nTraceback (most recent call last):\n")
    assert written.lines[0].endswith("\nKeyError: 'no ***'")
    assert written.records[0].exc_info[0] is KeyError


def test_an_error_with_nothing_to_mask_is_the_same_error(value, written, log):
    error = KeyError("plain")
    log.error("failed with %s", value, exc_info=error)
    assert written.records[0].exc_info[1] is error
    assert written.lines[0].startswith("failed with ***\n")
    assert written.lines[0].endswith("KeyError: 'plain'")


def test_a_traceback_that_another_handler_has_formatted_is_masked(value, log):
    with handling(log) as own, handling() as root:
        try:
            raise ValueError(value)
        except ValueError:
            log.exception("failed")
        assert "ValueError: ***" in root.text
        assert "pl4nted" not in root.text
        assert f"ValueError: {value}" in own.text


def test_a_traceback_of_a_group_shows_no_value_of_several_lines(redacting, source, log):
    source.secrets["key"] = "pl4nted-line-1\npl4nted-line-2"
    with handling(log), handling() as root:
        error = ExceptionGroup("several", [ValueError(get_secret("key").result())])
        log.error("failed", exc_info=error)
        assert "ValueError: ***" in root.text
        assert "pl4nted" not in root.text


def test_a_traceback_without_its_error_is_masked(value, written, log):
    log.handle(record_of(msg="m", exc_text=f"text {value}", exc_info=(None, None, None)))
    assert written.lines == ["m\ntext ***"]


def test_a_stack_is_masked(value, written, log):
    log.handle(record_of(msg="m", stack_info=f"stack {value}"))
    assert written.lines == ["m\nstack ***"]


def test_what_is_added_to_a_record_is_masked(value, log):
    with handling(formatter=JsonFormatter()) as written:
        log.info("plain", extra={"order": {"key": [value]}, "header": f"Bearer {value}", "n": 1})
    fields = json.loads(written.lines[0])
    assert (fields["order"], fields["header"], fields["n"]) == ({"key": ["***"]}, "Bearer ***", 1)
    assert fields["message"] == "plain"


def test_lambdas_own_json_format_shows_no_value(value, log):
    with handling(formatter=JsonFormatter()) as written:
        log.info({"key": value, "nested": [value]})
        log.info("key %s", value)
        try:
            raise ValueError(value)
        except ValueError:
            log.exception("failed")
    assert "pl4nted" not in written.text
    first, second, third = map(json.loads, written.lines)
    assert first["message"] == {"key": "***", "nested": ["***"]}
    assert second["message"] == "key ***"
    assert (third["errorMessage"], third["errorType"]) == ("***", "ValueError")
    assert third["stackTrace"]


def test_arguments_that_the_message_does_not_show_are_masked(value, written, log):
    log.info("its kind is %.0s", str(value))
    assert written.lines == ["its kind is "]
    assert written.records[0].args == ()


def test_a_record_with_nothing_to_mask_is_the_same_record(value, written, log):
    arguments = ("x", 1, [2], {"a": b"b"}, None)
    record = record_of(msg="%s %s %s %s %s", args=arguments)
    log.handle(record)
    assert written.records[0] is record
    assert record.args is arguments
    assert record.msg == "%s %s %s %s %s"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="filters cannot return a copy")
def test_other_handlers_records_are_left_alone(value, log):
    with handling(log) as own, handling() as root:
        log.info("key %s", value)
        assert root.lines == ["key ***"]
        assert own.lines == [f"key {value}"]
        assert own.records[0].args == (value,)
        assert own.records[0] is not root.records[0]


def test_two_handlers_of_the_root_write_the_same(value, log):
    with handling() as one, handling() as other:
        log.info("100 %% %s", value)
    assert one.lines == other.lines == ["100 % ***"]


def test_a_logger_of_its_own_is_left_alone(value):
    apart = logging.getLogger("apart")
    apart.propagate = False
    try:
        with handling(apart) as own:
            apart.warning("key %s", value)
        assert own.lines == [f"key {value}"]
    finally:
        apart.propagate = True


def test_nothing_is_formatted_for_a_level_that_is_off(value, log):
    class Untouchable:
        def __str__(self):
            raise AssertionError("formatted")

    logging.disable(logging.INFO)
    try:
        log.info("%s", Untouchable())
    finally:
        logging.disable(logging.NOTSET)


def test_an_argument_that_cannot_be_shown_fails_where_it_does_without_us(value):
    class Broken:
        def __str__(self):
            raise RuntimeError("no text")

    record = record_of(msg="%s %s", args=(Broken(), f"Bearer {value}"))
    passed = filter_of(record)
    assert passed.args[1] == "Bearer ***"
    with pytest.raises(RuntimeError, match="no text"):
        passed.getMessage()


def test_too_few_arguments_fail_where_they_do_without_us(value, written):
    passed = filter_of(record_of(msg="%s %s %s", args=(value, [value])))
    assert (passed.msg, passed.args) == ("%s %s %s", ("***", ["***"]))
    with pytest.raises(TypeError, match="not enough arguments"):
        passed.getMessage()


def record_of(**fields):
    return logging.makeLogRecord({"levelno": logging.INFO, "name": "shop.orders", **fields})


def filter_of(record):
    """Do as a handler does: what its filters return, it takes in the record's place."""
    passed = process.get_store().cache._redactor.filter(record)
    return record if passed is True else passed


def test_what_cannot_be_looked_through_is_not_written(value, written, log):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    log.handle(record_of(msg=f"m {value}", deep=deep, exc_text=value, stack_info=value))
    assert written.lines == ["(masked: this record could not be looked through for secrets)"]
    assert written.records[0].deep is None
    # Freeing it takes as many levels of C.
    while deep:
        deep = deep.pop()
