"""Several secrets in one call: by a scripted service, over TLS, and by moto."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.faults import body, error, throttled
from support.secret_service import SecretService

from core_backend import (
    SecretAccessDeniedError,
    SecretBytes,
    SecretError,
    SecretName,
    SecretNotFoundError,
    SecretNotSetError,
    SecretsFailedError,
    SecretText,
    SecretThrottledError,
    SecretUnavailableError,
    _state,
    get_secret,
    get_secrets,
    secrets_info,
)
from core_backend._settings import Settings
from core_backend.errors import ConfigurationError, CoreBackendError
from core_backend.sources.batching import BatchingSource, page_of
from core_backend.sources.protocol import BatchPage, SecretRequest, SecretValue
from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PREFIX = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
Outcome = SecretValue | CoreBackendError


def value_of(secret_id: str) -> SecretValue:
    return SecretValue(SecretText(f"pl4nted-{secret_id}"), "v1")


def entry(name: str, *, account: str = "123456789012") -> tuple[str, str, SecretValue]:
    arn = PREFIX.replace("123456789012", account) + f"{name}-AbCdEf"
    return arn, name, value_of(f"{account}-{name}")


class Service:
    """Answers calls for several with the pages it was given, and calls for one by the id."""

    def __init__(self, *pages: BatchPage | Exception) -> None:
        self.pages = list(pages)
        self.calls: list[tuple[list[str], str | None]] = []
        self.singles: list[str] = []
        self.closed = 0
        self.gate: asyncio.Event | None = None
        self.gated: str | None = None
        """The token of the page that waits at the gate."""

    def check(self, request: SecretRequest) -> None:
        if request.secret_id == "wrong":
            raise ConfigurationError("wrong")

    def place(self, request: SecretRequest) -> str:
        return "us-east-1" if "us-east-1" in request.secret_id else "here"

    async def fetch(self, request: SecretRequest) -> SecretValue:
        self.singles.append(request.label)
        return value_of(f"singly-{request.label}")

    async def fetch_batch(self, requests: Sequence[SecretRequest], token: str | None) -> BatchPage:
        self.calls.append(([request.secret_id for request in requests], token))
        if self.gate is not None and token == self.gated:
            await self.gate.wait()
        if not self.pages:
            return BatchPage([entry(request.secret_id) for request in requests], [], None)
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        return page

    async def aclose(self) -> None:
        self.closed += 1


async def fetch(source: BatchingSource, *ids: str | SecretRequest) -> list[Any]:
    """Return the values, and errors, of what is asked for at once."""
    requests = [each if isinstance(each, SecretRequest) else SecretRequest(each) for each in ids]
    outcomes = await asyncio.gather(*map(source.fetch, requests), return_exceptions=True)
    return [outcome.value if isinstance(outcome, SecretValue) else outcome for outcome in outcomes]


# --- what goes together


async def test_what_is_asked_for_at_once_is_one_call() -> None:
    service = Service()
    values = await fetch(BatchingSource(service), "a", "b", "c")
    assert values == [f"pl4nted-123456789012-{name}" for name in "abc"]
    assert service.calls == [(["a", "b", "c"], None)]
    assert service.singles == []


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


# --- whose answer is whose


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


# --- pages


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


# --- calls that fail as a whole


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
async def test_refused_for_whatever_else_it_gets_singly_this_time(refusal: Exception) -> None:
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


# --- cancelling and closing


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


# --- reading an answer


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


# --- over TLS, as it is used


@pytest.fixture
def service() -> Iterator[SecretService]:
    secrets = {f"s{number}": f"pl4nted-{number}" for number in range(45)}
    with SecretService({**secrets, "binary": b"\x00pl4nted"}) as running:
        yield running


@pytest.fixture(params=["sdk", "direct"])
def batches(
    request: pytest.FixtureRequest, service: SecretService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SecretService]:
    """Let the package fetch in batches from the service, by each of the sources that can."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    settings = Settings().replace(batch=True, source=request.param)
    with _state.override(settings=settings):
        yield service
    _state.reset()


def operations(service: SecretService) -> list[tuple[str, int]]:
    return sorted((call.operation, len(call.secret_ids)) for call in service.calls)


async def test_forty_five_secrets_are_three_calls(batches: SecretService) -> None:
    names = [f"s{number}" for number in range(45)]
    values = await get_secrets(*names)
    assert list(values) == [f"pl4nted-{number}" for number in range(45)]
    assert operations(batches) == [
        ("BatchGetSecretValue", 5),
        ("BatchGetSecretValue", 20),
        ("BatchGetSecretValue", 20),
    ]
    await get_secrets(*names)
    assert len(batches.calls) == 3
    assert secrets_info().fetches == 45


async def test_only_what_is_missing_is_fetched(batches: SecretService) -> None:
    await get_secrets("s1", "s2")
    await get_secrets("s1", "s2", "s3", "s4")
    assert [call.secret_ids for call in batches.calls] == [("s1", "s2"), ("s3", "s4")]


async def test_text_and_binary_name_and_arn_stages_and_absence(
    batches: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches.vault.create_empty("empty")
    batches.put("s3", "pl4nted-newer")
    monkeypatch.setenv("BINARY", "binary")
    monkeypatch.setenv("THIRD", "s3")
    third = SecretName("third")
    text, binary, newer, older = await get_secrets(
        batches.vault.arn("s1"), SecretName("binary").binary(), third, third.staged("AWSPREVIOUS")
    )
    assert (text, binary, newer, older) == (
        "pl4nted-1",
        b"\x00pl4nted",
        "pl4nted-newer",
        "pl4nted-3",
    )
    assert type(binary) is SecretBytes
    assert operations(batches) == [("BatchGetSecretValue", 3), ("GetSecretValue", 0)]
    with pytest.raises(SecretsFailedError) as caught:
        await get_secrets("s4", "absent", "empty")
    assert {name: type(each) for name, each in caught.value.failures.items()} == {
        "absent": SecretNotFoundError,
        "empty": SecretNotSetError,
    }
    calls = len(batches.calls)
    assert await get_secret("s4") == "pl4nted-4"
    assert len(batches.calls) == calls


async def test_every_page_is_fetched(batches: SecretService) -> None:
    batches.vault.page = 3
    values = await get_secrets(*(f"s{number}" for number in range(8)))
    assert list(values) == [f"pl4nted-{number}" for number in range(8)]
    assert operations(batches) == [("BatchGetSecretValue", 8)] * 3


async def test_what_cannot_be_read_in_a_batch_is_fetched_singly(batches: SecretService) -> None:
    found = [{"ARN": batches.vault.arn("s1"), "Name": "s1", "VersionId": "v"}]
    batches.script(body(json.dumps({"SecretValues": found}).encode()))
    assert await get_secrets("s1", "s2") == ("pl4nted-1", "pl4nted-2")
    assert operations(batches) == [("BatchGetSecretValue", 2), *[("GetSecretValue", 0)] * 2]


async def test_a_role_that_may_not_batch_fetches_singly(batches: SecretService) -> None:
    batches.script(
        error(
            "AccessDeniedException",
            "User: arn is not authorized to perform: secretsmanager:BatchGetSecretValue",
        )
    )
    assert await get_secrets("s1", "s2") == ("pl4nted-1", "pl4nted-2")
    assert await get_secrets("s3", "s4") == ("pl4nted-3", "pl4nted-4")
    assert operations(batches) == [("BatchGetSecretValue", 2), *[("GetSecretValue", 0)] * 4]


async def test_a_throttled_batch_is_tried_again_singly(batches: SecretService) -> None:
    batches.script(throttled)
    assert await get_secrets("s1", "s2") == ("pl4nted-1", "pl4nted-2")
    assert operations(batches) == [("BatchGetSecretValue", 2), *[("GetSecretValue", 0)] * 2]


async def test_without_the_option_each_is_a_call_of_its_own(
    service: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    with _state.override(settings=Settings()):
        await get_secrets("s1", "s2")
    assert operations(service) == [("GetSecretValue", 0)] * 2


# --- by moto


async def test_moto_answers_batches_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with MotoServer() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        client = server.client()
        for name in ("one", "two", "three"):
            client.create_secret(Name=name, SecretString=f"pl4nted-{name}")
        client.create_secret(Name="empty")
        with _state.override(settings=Settings().replace(batch=True)):
            assert await get_secrets("one", "two") == ("pl4nted-one", "pl4nted-two")
            assert [call.operation for call in server.calls][-1] == "BatchGetSecretValue"
            with pytest.raises(SecretNotFoundError, match="absent"):
                await get_secrets("three", "absent")
            assert server.fetches == ()
            # moto fails the whole call for a secret without a value; single gets tell of it.
            with pytest.raises(SecretNotSetError, match="empty"):
                await get_secrets("empty", "one", "three")
