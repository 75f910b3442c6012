"""What users meet where secrets cannot be had."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.scripted import World, world

from core_backend import (
    ConfigurationError,
    InvalidSecretNameError,
    MissingEnvError,
    SecretAccessDeniedError,
    SecretFormatError,
    SecretName,
    SecretNotFoundError,
    SecretsFailedError,
    get_secret,
    get_secrets,
)


async def test_one_of_several_fails_and_the_error_names_it(w: World) -> None:
    with pytest.raises(SecretNotFoundError, match="'missing'") as caught:
        await get_secrets("a", "missing", "b")
    assert caught.value.secret_id == "missing"
    assert await get_secrets("a", "b") == ("pl4nted-a", "pl4nted-b")
    assert w.calls == 3


@pytest.mark.parametrize("blocking", [False, True])
async def test_several_fail_and_the_error_names_all_and_why(w: World, blocking: bool) -> None:
    batch = get_secrets("x", "a", "y")
    with pytest.raises(SecretsFailedError) as caught:
        batch.result() if blocking else await batch
    assert set(caught.value.failures) == {"x", "y"}
    assert "SecretNotFoundError: secret 'x'" in str(caught.value)
    assert "SecretNotFoundError: secret 'y'" in str(caught.value)
    assert await get_secret("a") == "pl4nted-a"
    assert w.calls == 3


async def test_the_same_missing_secret_twice_is_one_failure(w: World) -> None:
    with pytest.raises(SecretNotFoundError):
        await get_secrets("x", "x")


async def test_every_waiter_gets_an_instance_of_its_own(w: World) -> None:
    async def failure() -> Exception:
        with pytest.raises(SecretNotFoundError) as caught:
            await get_secret("x")
        return caught.value

    errors = await asyncio.gather(*(failure() for _ in range(5)))
    assert len({id(error) for error in errors}) == 5
    assert w.calls == 1


async def test_a_failed_handle_asks_again_once_its_failure_is_past(w: World) -> None:
    pending = get_secret("x")
    for _ in range(2):
        with pytest.raises(SecretNotFoundError):
            await pending
    assert w.calls == 1
    w.source.secrets["x"] = "pl4nted-x"
    w.clock.advance(5)
    assert await pending == "pl4nted-x"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("a\nb", "characters"),
        (" a", "characters"),
        ("x" * 2049, "2,049 characters"),
        (None, "NoneType"),
        (b"a", "bytes"),
    ],
)
def test_an_id_that_cannot_be_one_is_refused_at_the_call(w: World, wrong: Any, words: str) -> None:
    with pytest.raises(InvalidSecretNameError, match=words):
        get_secrets("a", wrong)
    assert w.calls == 0


def test_all_missing_variables_are_named_at_once(w: World) -> None:
    with pytest.raises(MissingEnvError) as caught:
        get_secrets("a", SecretName("one-key"), SecretName("two-key"))
    assert caught.value.variables == ("ONE_KEY", "TWO_KEY")
    assert w.calls == 0


def test_what_the_source_refuses_is_raised_at_the_call_before_any_fetch(w: World) -> None:
    w.source.refused = ConfigurationError("no Region")
    with pytest.raises(ConfigurationError, match="no Region"):
        get_secrets("a", "b")
    assert w.calls == 0


def test_what_is_cached_survives_a_refusal(w: World) -> None:
    get_secret("a").result()
    w.source.refused = ConfigurationError("no Region")
    with pytest.raises(ConfigurationError):
        get_secret("b")
    assert get_secret("a").result() == "pl4nted-a"


async def test_only_what_the_list_allows_is_fetched() -> None:
    with world(allow=("a", "team/*")) as w:
        w.source.secrets["team/x"] = "pl4nted-x"
        assert await get_secrets("a", "team/x") == ("pl4nted-a", "pl4nted-x")
        for refused in ("b", "ab", "tea"):
            with pytest.raises(SecretAccessDeniedError, match="setting allow"):
                get_secrets("a", refused)
        assert w.calls == 2


async def test_a_parser_that_fails_shows_nothing_of_the_value(w: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("API_KEY", "a")
        pending = get_secret(SecretName("api-key", parse=int))
    with pytest.raises(SecretFormatError, match="ValueError") as caught:
        await pending
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "pl4nted" not in str(caught.value)


async def test_binary_is_not_handed_out_as_text(w: World) -> None:
    w.source.secrets["a"] = b"pl4nted"
    with pytest.raises(SecretFormatError, match="binary"):
        await get_secret("a")
