"""Many who ask, one who is asked: rows 1, 2, 3, 22 and 25 of the reliability table."""

from __future__ import annotations

import asyncio

import pytest

from core_backend import (
    SecretName,
    SecretNotFoundError,
    SecretsFailedError,
    get_env,
    get_secret,
    get_secrets,
)


async def test_row_1_ten_thousand_waiters_of_one_cold_secret_make_one_call(process):
    async def ask():
        return await get_secret("db")

    values = await asyncio.gather(*(ask() for _ in range(10_000)))
    assert set(values) == {"pl4nted-db"}
    assert process.calls == 1


async def test_row_2_a_hundred_secrets_never_take_more_than_ten_connections(process, service):
    names = [f"s{n}" for n in range(100)]
    for name in names:
        service.put(name, f"pl4nted-{name}")
    service.latency = 0.005
    for _ in range(2):
        values = await get_secrets(*names)
        assert values == tuple(f"pl4nted-{name}" for name in names)
    assert process.calls == 100
    assert service.most_open <= 10


async def test_row_3_one_of_ten_is_missing_and_answers_for_itself_for_five_seconds(
    process, service
):
    names = [f"s{n}" for n in range(9)]
    for name in names:
        service.put(name, f"pl4nted-{name}")
    with pytest.raises(SecretNotFoundError, match="'missing'") as first:
        await get_secrets(*names, "missing")
    assert process.calls == 10

    process.clock.advance(4.9)
    with pytest.raises(SecretNotFoundError) as second:
        await get_secrets(*names, "missing")
    assert process.calls == 10
    assert second.value is not first.value
    assert str(second.value) == str(first.value)
    assert second.value.__cause__ is second.value.__context__ is None

    single = [await failure_of(get_secret("missing")) for _ in range(2)]
    assert single[0] is not single[1]
    assert str(single[0]) == str(single[1]) == str(first.value)
    assert process.calls == 10

    assert await get_secrets(*names) == tuple(f"pl4nted-{name}" for name in names)
    assert process.calls == 10
    process.clock.advance(0.2)
    with pytest.raises(SecretNotFoundError):
        await get_secret("missing")
    assert process.calls == 11


async def failure_of(pending):
    with pytest.raises(SecretNotFoundError) as caught:
        await pending
    return caught.value


async def test_row_3_all_that_are_missing_are_named_by_one_error(process):
    with pytest.raises(SecretsFailedError) as caught:
        await get_secrets("one", "db", "two")
    assert set(caught.value.failures) == {"one", "two"}
    assert process.calls == 3


async def test_row_22_a_hundred_who_ask_for_fresh_share_one_call(process, service):
    await get_secret("db")
    service.put("db", "pl4nted-new")
    handles = [get_secret("db", fresh=True) for _ in range(100)]
    assert set(await asyncio.gather(*handles)) == {"pl4nted-new"}
    assert process.calls == 2
    assert await get_secret("db") == "pl4nted-new"
    assert process.calls == 2


async def test_row_22_who_asks_within_a_second_after_it_shares_it_as_well(process, service):
    await get_secret("db", fresh=True)
    service.put("db", "pl4nted-new")
    process.clock.advance(0.9)
    assert await get_secret("db", fresh=True) == "pl4nted-db"
    assert process.calls == 1
    process.clock.advance(0.2)
    assert await get_secret("db", fresh=True) == "pl4nted-new"
    assert process.calls == 2


async def test_row_25_name_arn_stage_and_version_are_never_crossed(process, service, environ):
    old = service.put("card", "pl4nted-old")
    new = service.put("card", "pl4nted-new")
    environ.setenv("CARD", "card")
    name = SecretName("card")
    asked = [  # no dict: the ids are equal as strings
        ("card", "pl4nted-new"),
        (service.vault.arn("card"), "pl4nted-new"),
        (get_env(name.staged("AWSPREVIOUS")), "pl4nted-old"),
        (get_env(name.versioned(old)), "pl4nted-old"),
        (get_env(name.versioned(new)), "pl4nted-new"),
    ]
    for _ in range(2):
        for secret, value in asked:
            assert await get_secret(secret) == value
    assert process.calls == 5


async def test_row_25_the_same_id_at_two_stages_is_fetched_twice_in_one_batch(
    process, service, environ
):
    service.put("card", "pl4nted-old")
    service.put("card", "pl4nted-new")
    environ.setenv("CARD", "card")
    name = SecretName("card")
    values = await get_secrets(name, name.staged("AWSPREVIOUS"))
    assert values == ("pl4nted-new", "pl4nted-old")
    assert process.calls == 2
