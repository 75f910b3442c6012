"""Several secrets in one call, answered page by page."""

from __future__ import annotations

import asyncio

from support.batches import Service, entry, fetch

from core_backend import SecretNotFoundError
from core_backend.sources import BatchPage, SecretRequest
from core_backend.sources.batching import BatchingSource


async def test_pages_are_read_until_there_is_no_next_one() -> None:
    pages = [
        BatchPage([entry("a")], [], "next"),
        BatchPage([], [], "more"),
        BatchPage([entry("b")], [("c", "ResourceNotFoundException", "")], None),
    ]
    service = Service(*pages)
    a, b, c = await fetch(BatchingSource(service), "a", "b", "c")
    assert [a, b, type(c)] == [
        "pl4nted-123456789012-a",
        "pl4nted-123456789012-b",
        SecretNotFoundError,
    ]
    assert [token for _, token in service.calls] == [None, "next", "more"]
    assert all(ids == ["a", "b", "c"] for ids, _ in service.calls)


async def test_a_value_does_not_wait_for_the_next_page() -> None:
    service = Service(BatchPage([entry("a")], [], "next"), BatchPage([entry("b")], [], None))
    service.gate, service.gated = asyncio.Event(), "next"
    source = BatchingSource(service)
    a, b = (asyncio.ensure_future(source.fetch(SecretRequest(name))) for name in "ab")
    await a
    assert not b.done()
    service.gate.set()
    await b


async def test_once_all_are_answered_no_further_page_is_asked_for() -> None:
    service = Service(BatchPage([entry("a"), entry("b")], [], "next"))
    await fetch(BatchingSource(service), "a", "b")
    assert len(service.calls) == 1


async def test_pages_without_end_are_left_for_single_gets() -> None:
    service = Service(*[BatchPage([], [], "next")] * 100)
    assert await fetch(BatchingSource(service), "a", "b") == [
        "pl4nted-singly-a",
        "pl4nted-singly-b",
    ]
    assert len(service.calls) == 20
