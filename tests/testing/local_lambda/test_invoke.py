"""A handler runs under the real runtime client; its result has what it returned and wrote."""

from __future__ import annotations

import pytest
from support.handlers import ECHO, ENDS

from core_backend.testing.local_lambda import InvocationFailedError, LocalLambda

pytestmark = pytest.mark.usefixtures("unmeasured")


def test_one_process_serves_all_invocations(task_root):
    with LocalLambda(task_root=task_root(ECHO)) as function:
        results = [function.invoke({"n": n}) for n in range(3)]
    assert [r.payload["event"] for r in results] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert len({r.payload["pid"] for r in results}) == 1
    assert len({r.request_id for r in results}) == 3


def test_only_the_first_invocation_has_an_init_duration(task_root):
    with LocalLambda(task_root=task_root(ECHO)) as function:
        first, second = function.invoke(), function.invoke()
    assert first.init_duration is not None
    assert first.init_duration > 0
    assert first.duration > 0
    assert second.init_duration is None


def test_each_result_has_the_lines_of_its_own_invocation(task_root):
    with LocalLambda(task_root=task_root(ECHO)) as function:
        first, second = function.invoke(1), function.invoke(2)
        assert function.log_lines == ("loaded", "got 1", "got 2")
    assert (first.log_lines, second.log_lines) == (("got 1",), ("got 2",))


def test_unfinished_lines_and_bytes_that_are_not_text_are_in_the_log(task_root):
    source = """
        import os

        def handler(event, context):
            os.write(1, b"no text: \\xff\\n\\nno end")
            os.write(2, b", still none")
    """
    with LocalLambda(task_root=task_root(source)) as function:
        result = function.invoke()
    assert result.log_lines == ("no text: \N{REPLACEMENT CHARACTER}", "", "no end, still none")


def test_twenty_thousand_lines_are_all_in_the_log(task_root):
    source = """
        def handler(event, context):
            for n in range(20_000):
                print(f"line {n}")
    """
    with LocalLambda(task_root=task_root(source)) as function:
        result = function.invoke()
    assert result.log_lines == tuple(f"line {n}" for n in range(20_000))


def test_a_handler_that_raises_gives_an_error_and_its_process_goes_on(task_root):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        pid = function.invoke().payload
        result = function.invoke("raise")
        assert function.invoke().payload == pid
    assert result.error is not None
    assert (result.error.type, result.error.message) == ("ValueError", "two\nlines")
    assert "in handler" in result.error.stack_trace[0]
    assert result.log_lines[:3] == ("before raise", "[ERROR] ValueError: two", "lines")


def test_the_payload_of_a_failed_invocation_raises_the_error(task_root):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        result = function.invoke("raise")
    with pytest.raises(
        InvocationFailedError, match=r"(?s)ValueError: two\nlines.*before raise"
    ) as e:
        _ = result.payload
    assert e.value.result is result


def test_a_response_that_is_not_json_is_in_the_body(task_root):
    with LocalLambda(task_root=task_root("def handler(event, context): return b'raw'")) as function:
        result = function.invoke()
    assert result.body == b"raw"
    assert result.error is None
    with pytest.raises(InvocationFailedError, match="no payload: .* the response is not JSON") as e:
        _ = result.payload
    assert e.value.result is result
    # The parser's error would hold the response.
    assert e.value.__context__ is None


def test_a_response_that_cannot_be_sent_is_an_error(task_root):
    with LocalLambda(task_root=task_root("def handler(event, context): return {1, 2}")) as function:
        error = function.invoke().error
    assert error is not None
    assert error.type == "Runtime.MarshalError"
