"""Several secrets in one call: what goes together, and whose answer is whose."""

from __future__ import annotations

from support.batches import PREFIX, Service, entry, fetch

from core_backend import SecretAccessDeniedError, SecretNotFoundError, SecretNotSetError
from core_backend.sources import BatchPage, SecretRequest
from core_backend.sources.batching import BatchingSource


async def test_what_is_asked_for_at_once_is_one_call() -> None:
    service = Service()
    values = await fetch(BatchingSource(service), "a", "b", "c")
    assert values == [f"pl4nted-123456789012-{name}" for name in "abc"]
    assert service.calls == [(["a", "b", "c"], None)]
    assert service.singles == []


async def test_warming_warms_the_inner_source() -> None:
    service = Service()
    await BatchingSource(service).warm()
    assert service.warmed == 1


async def test_what_is_asked_for_later_is_another_call() -> None:
    service = Service()
    source = BatchingSource(service)
    await fetch(source, "a", "b")
    await fetch(source, "c", "d")
    assert [ids for ids, _ in service.calls] == [["a", "b"], ["c", "d"]]


async def test_one_by_itself_is_asked_for_singly() -> None:
    service = Service()
    assert await fetch(BatchingSource(service), "a") == ["pl4nted-singly-a"]
    assert service.calls == []


async def test_no_more_than_twenty_go_in_a_call() -> None:
    service = Service()
    names = [f"n{number}" for number in range(41)]
    values = await fetch(BatchingSource(service), *names)
    assert [len(ids) for ids, _ in service.calls] == [20, 20]
    assert service.singles == ["n40"]
    assert values[:40] == [f"pl4nted-123456789012-{name}" for name in names[:40]]


async def test_stages_and_versions_are_asked_for_singly() -> None:
    service = Service()
    values = await fetch(
        BatchingSource(service),
        "a",
        SecretRequest("a", stage="AWSPREVIOUS"),
        SecretRequest("a", version_id="v7"),
        "b",
    )
    assert service.calls == [(["a", "b"], None)]
    assert service.singles == ["a [AWSPREVIOUS]", "a [v7]"]
    assert values[1:3] == ["pl4nted-singly-a [AWSPREVIOUS]", "pl4nted-singly-a [v7]"]


async def test_each_region_has_a_call_of_its_own() -> None:
    service = Service()
    there = PREFIX.replace("eu-central-1", "us-east-1")
    await fetch(BatchingSource(service), "a", f"{there}x-AbCdEf", "b", f"{there}y-AbCdEf")
    assert [ids for ids, _ in service.calls] == [
        ["a", "b"],
        [f"{there}x-AbCdEf", f"{there}y-AbCdEf"],
    ]


async def test_one_id_twice_is_once_in_the_call_and_answers_both() -> None:
    service = Service()
    values = await fetch(BatchingSource(service), "a", "b", "a")
    assert service.calls == [(["a", "b"], None)]
    assert values[0] == values[2] == "pl4nted-123456789012-a"


async def test_answers_are_matched_by_name_and_arn_never_by_position() -> None:
    page = BatchPage([entry("c"), entry("a"), entry("b")], [], None)
    service = Service(page)
    full, partial = f"{PREFIX}b-AbCdEf", f"{PREFIX}c"
    values = await fetch(BatchingSource(service), "a", full, partial)
    assert values == [f"pl4nted-123456789012-{name}" for name in "abc"]
    assert service.singles == []


async def test_the_same_name_in_another_account_is_never_taken_for_ones_own() -> None:
    theirs = PREFIX.replace("123456789012", "999999999999") + "a-AbCdEf"
    page = BatchPage([entry("a", account="999999999999"), entry("b")], [], None)
    service = Service(page)
    values = await fetch(BatchingSource(service), "a", theirs, "b")
    assert values == [
        "pl4nted-singly-a",
        "pl4nted-999999999999-a",
        "pl4nted-123456789012-b",
    ]


async def test_what_nobody_asked_for_is_nobodys() -> None:
    page = BatchPage([entry("x"), entry("a")], [("y", "ResourceNotFoundException", "")], None)
    service = Service(page)
    values = await fetch(BatchingSource(service), "a", "b")
    assert values == ["pl4nted-123456789012-a", "pl4nted-singly-b"]


async def test_errors_are_each_their_secrets_own() -> None:
    refused = [
        ("b", "ResourceNotFoundException", "can't find the specified secret."),
        ("c", "ResourceNotFoundException", "value for staging label: AWSCURRENT"),
        ("d", "AccessDeniedException", "not authorized"),
    ]
    service = Service(BatchPage([entry("a")], refused, None))
    source = BatchingSource(service)
    a, b, c, d = await fetch(source, "a", "b", "c", "d")
    assert a == "pl4nted-123456789012-a"
    assert [type(b), type(c), type(d)] == [
        SecretNotFoundError,
        SecretNotSetError,
        SecretAccessDeniedError,
    ]
    assert [b.secret_id, c.secret_id, d.secret_id] == ["b", "c", "d"]
    assert service.singles == []
    # That one secret is denied does not mean that batching is.
    await fetch(source, "a", "b")
    assert len(service.calls) == 2


async def test_an_error_that_is_not_about_the_secret_is_told_by_its_single_get() -> None:
    refused = [("b", "InvalidParameterException", "?")]
    service = Service(BatchPage([entry("a")], refused, None))
    assert await fetch(BatchingSource(service), "a", "b") == [
        "pl4nted-123456789012-a",
        "pl4nted-singly-b",
    ]
