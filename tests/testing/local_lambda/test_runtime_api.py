"""The Runtime API answers what the runtime client asks, and refuses what it does not know."""

from __future__ import annotations

import http.client
import json

import pytest

from core_backend.testing.local_lambda.results import ErrorReport, Invocation
from core_backend.testing.local_lambda.runtime_api import RuntimeApi

ERROR = json.dumps({"errorType": "ValueError", "errorMessage": "no", "stackTrace": ["a"]})


def send(
    api: RuntimeApi, method: str, path: str, body: str | bytes | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(api.address, timeout=10)
    connection.request(method, f"/2018-06-01/runtime/{path}", body)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer.status, read


def test_an_event_is_handed_out_and_its_response_taken():
    with RuntimeApi() as api:
        invocation = Invocation(b'"event"', timeout=3.0, headers={})
        api.submit(invocation)
        assert send(api, "GET", "invocation/next") == (200, b'"event"')
        path = f"invocation/{invocation.request_id}/response"
        assert send(api, "POST", path, "done") == (202, b"")
        assert send(api, "POST", path, "again")[0] == 400, "it was answered already"
    assert invocation.outcome == b"done"


def test_an_error_is_an_outcome():
    with RuntimeApi() as api:
        invocation = Invocation(b"{}", timeout=3.0, headers={})
        api.submit(invocation)
        send(api, "GET", "invocation/next")
        assert send(api, "POST", f"invocation/{invocation.request_id}/error", ERROR)[0] == 202
    assert invocation.outcome == ErrorReport("ValueError", "no", ("a",))


@pytest.mark.parametrize("path", ["init/error", "restore/error"])
def test_a_failed_start_is_recorded(path):
    with RuntimeApi() as api:
        assert send(api, "POST", path, ERROR)[0] == 202
        assert api.failure == ErrorReport("ValueError", "no", ("a",))


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_the_report_of_a_failed_start_is_read_in_either_encoding(encoding):
    body = '{"errorType": "ValueError", "errorMessage": "é"}'.encode(encoding)
    with RuntimeApi() as api:
        assert send(api, "POST", "init/error", body)[0] == 202
        assert api.failure == ErrorReport("ValueError", "é")


@pytest.mark.parametrize("answers", [True, False])
def test_a_worker_that_hangs_up_may_answer_on_another_connection(answers):
    with RuntimeApi() as api:
        invocation = Invocation(b"{}", timeout=3.0, headers={})
        api.submit(invocation)
        send(api, "GET", "invocation/next")
        if answers:
            send(api, "POST", f"invocation/{invocation.request_id}/response", "done")
        assert api.wait(lambda: invocation.outcome or invocation.abandoned, 10)
        assert invocation.abandoned is not answers


def test_a_response_to_an_unknown_event_is_refused():
    with RuntimeApi() as api:
        assert send(api, "POST", "invocation/unknown/response", "done")[0] == 400


@pytest.mark.parametrize(("method", "path"), [("GET", "nowhere"), ("POST", "nowhere/at/all")])
def test_a_path_that_does_not_exist_is_refused(method, path):
    with RuntimeApi() as api:
        assert send(api, method, path, "{}")[0] == 404


@pytest.mark.parametrize("path", ["invocation/next", "restore/next"])
def test_polls_end_when_the_server_closes(path):
    with RuntimeApi() as api:
        connection = http.client.HTTPConnection(api.address, timeout=10)
        connection.request("GET", f"/2018-06-01/runtime/{path}")
        assert api.wait(lambda: api.polling or api.at_snapshot, 10)
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()


def test_a_wait_has_an_end():
    with RuntimeApi() as api:
        assert not api.wait(lambda: False, 0.01)
