"""Calls for several secrets that fail, end early, or cannot be read."""

from __future__ import annotations

import asyncio

import pytest
from support.batches import Service, fetch, value_of

from core_backend import (
    SecretAccessDeniedError,
    SecretError,
    SecretNotFoundError,
    SecretThrottledError,
    SecretUnavailableError,
)
from core_backend.errors import ConfigurationError
from core_backend.sources import SecretRequest
from core_backend.sources.batching import BatchingSource, page_of


async def test_denied_the_action_it_gets_singly_at_once_and_remembers() -> None:
    denied = SecretAccessDeniedError("no", secret_id="a", code="AccessDeniedException")
    service = Service(denied)
    source = BatchingSource(service)
    assert await fetch(source, "a", "b") == ["pl4nted-singly-a", "pl4nted-singly-b"]
    assert await fetch(source, "a", "b", "c") == [f"pl4nted-singly-{name}" for name in "abc"]
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        ConfigurationError("InvalidParameterException"),
        SecretNotFoundError("none", secret_id="a", code="ResourceNotFoundException"),
    ],
)
async def test_after_any_other_refusal_it_fetches_singly_this_time(refusal: Exception) -> None:
    service = Service(refusal)
    source = BatchingSource(service)
    assert await fetch(source, "a", "b") == ["pl4nted-singly-a", "pl4nted-singly-b"]
    assert await fetch(source, "c", "d") == [f"pl4nted-123456789012-{name}" for name in "cd"]


@pytest.mark.parametrize(
    "failure",
    [
        SecretThrottledError("secret 'a': slow down", secret_id="a", code="ThrottlingException"),
        SecretUnavailableError("secret 'a': broke", secret_id="a"),
        SecretAccessDeniedError("secret 'a': old", secret_id="a", code="ExpiredTokenException"),
    ],
)
async def test_what_may_pass_is_told_of_each_and_tried_again_singly(failure: SecretError) -> None:
    service = Service(failure)
    source = BatchingSource(service)
    a, b = await fetch(source, "a", "b")
    assert type(a) is type(b) is type(failure)
    assert (str(a), a.secret_id, a.code) == (str(failure), "a", failure.code)
    assert (str(b), b.secret_id, b.code) == (
        str(failure).replace("'a'", "'b'"),
        "b",
        failure.code,
    )
    assert await fetch(source, "a", "b") == ["pl4nted-singly-a", "pl4nted-singly-b"]
    await fetch(source, "a", "b")
    assert len(service.calls) == 2


async def test_waiters_for_one_id_are_told_in_instances_of_their_own() -> None:
    service = Service(SecretThrottledError("secret 'a': slow down", secret_id="a"))
    one, _, other = await fetch(BatchingSource(service), "a", "b", "a")
    assert one is not other


async def test_a_defect_of_batching_is_none_of_fetching() -> None:
    service = Service(ZeroDivisionError("pl4nted"))
    source = BatchingSource(service)
    assert await fetch(source, "a", "b") == ["pl4nted-singly-a", "pl4nted-singly-b"]
    await fetch(source, "a", "b")
    assert len(service.calls) == 1


@pytest.mark.parametrize("lack", [OSError(24, "Too many open files"), MemoryError()])
async def test_what_the_process_lacks_is_not_held_against_batching(lack: Exception) -> None:
    service = Service(lack)
    source = BatchingSource(service)
    assert await fetch(source, "a", "b") == ["pl4nted-singly-a", "pl4nted-singly-b"]
    await fetch(source, "c", "d")
    assert len(service.calls) == 2


async def test_one_who_is_cancelled_leaves_the_call_to_the_others() -> None:
    service = Service()
    service.gate = asyncio.Event()
    source = BatchingSource(service)
    a, b = (asyncio.ensure_future(source.fetch(SecretRequest(name))) for name in "ab")
    while not service.calls:
        await asyncio.sleep(0)
    a.cancel()
    await asyncio.sleep(0)
    service.gate.set()
    assert (await b).value == "pl4nted-123456789012-b"
    assert a.cancelled()


async def test_closing_ends_the_calls_under_way_and_closes_what_is_inside() -> None:
    service = Service()
    service.gate = asyncio.Event()
    source = BatchingSource(service)
    waiters = [asyncio.ensure_future(source.fetch(SecretRequest(name))) for name in "ab"]
    while not service.calls:
        await asyncio.sleep(0)
    await source.aclose()
    assert service.closed == 1
    # Who still waits is not left waiting.
    await asyncio.gather(*waiters)
    assert service.singles == ["a", "b"]
    await source.aclose()
    assert service.closed == 2


def test_what_the_inner_source_refuses_is_refused() -> None:
    source = BatchingSource(Service())
    source.check(SecretRequest("a"))
    with pytest.raises(ConfigurationError):
        source.check(SecretRequest("wrong"))


def test_what_cannot_be_read_in_an_answer_is_left_out() -> None:
    page = page_of(
        {
            "SecretValues": [3, {"ARN": 4, "Name": "a"}, {"Name": "b"}],
            "Errors": [None, {"SecretId": "c", "ErrorCode": 5}],
            "NextToken": 6,
        },
        lambda entry: None if entry["Name"] == "b" else value_of(entry["Name"]),
    )
    assert [(arn, name) for arn, name, _ in page.found] == [("", "a")]
    assert page.refused == [("c", "", "")]
    assert page.next_token is None


@pytest.mark.parametrize("wrong", [None, 3, "text", {"a": 1}])
def test_an_answer_of_another_shape_is_an_empty_page(wrong: object) -> None:
    page = page_of({"SecretValues": wrong, "Errors": wrong, "NextToken": ""}, lambda _: None)
    assert (page.found, page.refused, page.next_token) == ([], [], None)
