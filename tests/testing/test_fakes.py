"""Made-up secrets are served as Secrets Manager would serve them, and are gone afterwards."""

from __future__ import annotations

import asyncio
import json
import os
from enum import Enum

import pytest

from core_backend import (
    ConfigurationError,
    MissingEnvError,
    SecretAccessDeniedError,
    SecretBytes,
    SecretName,
    SecretNotFoundError,
    SecretNotSetError,
    SecretText,
    SecretThrottledError,
    SecretUnavailableError,
    get_env,
    get_secret,
    get_secrets,
    secrets_info,
)
from core_backend.testing import fake_env, fake_secrets

STRIPE = SecretName("stripe-api-key")
DATABASE = SecretName("database")
BINARY = SecretName("bytes").binary()


async def test_a_secret_is_served_by_its_name_and_by_its_declared_one():
    with fake_secrets({STRIPE: "pl4nted-fake-1", "prod/other": "pl4nted-fake-2"}):
        assert await get_secret(STRIPE) == "pl4nted-fake-1"
        assert await get_secret(get_env(STRIPE)) == "pl4nted-fake-1"
        assert await get_secret("prod/other") == "pl4nted-fake-2"


async def test_values_have_their_types():
    values = {"text": "pl4nted-t", BINARY: b"pl4nted-b", "json": {"n": [1, None]}}
    with fake_secrets(values):
        text, binary, stored = await get_secrets("text", BINARY, "json")
    assert type(text) is SecretText
    assert type(binary) is SecretBytes
    assert binary == b"pl4nted-b"
    assert json.loads(stored) == {"n": [1, None]}


def test_what_secrets_manager_could_not_hold_is_refused_where_it_is_set():
    with fake_secrets() as fakes, pytest.raises(TypeError, match="JSON serializable"):
        fakes["one"] = object()


def test_it_is_a_mapping():
    with fake_secrets({STRIPE: "pl4nted-map", "other": b"pl4nted-other"}) as fakes:
        assert fakes[STRIPE] == fakes["stripe-api-key"] == "pl4nted-map"
        assert set(fakes) == {"stripe-api-key", "other"}
        assert len(fakes) == 2
        del fakes["other"]
        assert "other" not in fakes


def test_its_repr_shows_names_and_no_value():
    with fake_secrets({STRIPE: "pl4nted-repr"}) as fakes:
        assert repr(fakes) == "<FakeSecrets stripe-api-key>"


async def test_variables_of_names_are_set_for_the_time_of_the_block(monkeypatch):
    monkeypatch.setenv(STRIPE.env_key, "what was")
    monkeypatch.delenv(DATABASE.env_key, raising=False)
    with fake_secrets({STRIPE: "pl4nted-var", DATABASE: "pl4nted-var2"}) as fakes:
        fakes[STRIPE] = "pl4nted-var3"
        assert get_env(STRIPE) == "stripe-api-key"
        assert await get_secret(DATABASE) == "pl4nted-var2"
    assert os.environ[STRIPE.env_key] == "what was"
    assert DATABASE.env_key not in os.environ


async def test_a_name_that_was_not_faked_is_not_found_and_those_that_were_are_named():
    with fake_secrets({STRIPE: "pl4nted-known"}):
        with pytest.raises(SecretNotFoundError, match=r"'nope'.*there are 'stripe-api-key'$"):
            await get_secret("nope")
        with pytest.raises(MissingEnvError):
            get_env(DATABASE)
    with fake_secrets(), pytest.raises(SecretNotFoundError, match="none at all"):
        await get_secret("nope")


async def test_calls_count_what_was_fetched():
    with fake_secrets({"a": "pl4nted-a", "b": "pl4nted-b"}) as fakes:
        await asyncio.gather(*(get_secret("a") for _ in range(10)))
        await get_secrets("a", "b")
        assert fakes.calls == ["a", "b"]


async def test_a_value_that_is_set_is_served_at_once():
    with fake_secrets({"a": "pl4nted-old"}) as fakes:
        assert await get_secret("a") == "pl4nted-old"
        fakes["a"] = "pl4nted-new"
        assert await get_secret("a") == "pl4nted-new"
        del fakes["a"]
        with pytest.raises(SecretNotFoundError):
            await get_secret("a")


async def test_a_rotation_is_seen_when_the_cached_value_expires(fake_clock):
    with fake_secrets({"a": "pl4nted-old"}) as fakes:
        await get_secret("a")
        fakes.rotate("a", "pl4nted-new")
        assert await get_secret("a") == "pl4nted-old"
        fake_clock.advance(1000)
        assert await get_secret("a") == "pl4nted-new"
        assert await get_secret("a", fresh=True) == "pl4nted-new"
        assert fakes["a"] == "pl4nted-new"


async def test_what_was_current_before_a_rotation_is_the_previous_version():
    name = SecretName("rotated")
    with fake_secrets({name: "pl4nted-old"}) as fakes:
        with pytest.raises(SecretNotSetError):
            await get_secret(name.staged("AWSPREVIOUS"))
        fakes.rotate(name, "pl4nted-new")
        fakes[name.staged("AWSPENDING")] = "pl4nted-next"
        previous, pending = await get_secrets(name.staged("AWSPREVIOUS"), name.staged("AWSPENDING"))
        assert (previous, pending) == ("pl4nted-old", "pl4nted-next")
        assert fakes[name.staged("AWSPREVIOUS")] == "pl4nted-old"


async def test_versions_can_be_pinned():
    name = SecretName("pinned")
    with fake_secrets() as fakes:
        fakes[name.versioned("v-7")] = "pl4nted-seven"
        assert await get_secret(name.versioned("v-7")) == "pl4nted-seven"
        assert fakes[name.versioned("v-7")] == "pl4nted-seven"
        with pytest.raises(SecretNotSetError):
            await get_secret(name)
        fakes.rotate(name, "pl4nted-first")
        assert await get_secret(name, fresh=True) == "pl4nted-first"


def test_what_is_not_there_cannot_be_rotated():
    with fake_secrets() as fakes, pytest.raises(KeyError):
        fakes.rotate("nope", "pl4nted-x")


async def test_an_error_for_a_value_is_raised():
    unset = SecretNotSetError("nobody has filled it", secret_id="a")
    with fake_secrets({"a": unset, "b": SecretNotFoundError, "c": ConfigurationError}):
        with pytest.raises(SecretNotSetError, match="nobody has filled it") as e:
            await get_secret("a")
        assert e.value is not unset
        assert unset.__traceback__ is None, "it is a pattern, and holds on to nothing"
        with pytest.raises(SecretNotFoundError, match="'b': it fails because the test says so"):
            await get_secret("b")
        with pytest.raises(ConfigurationError, match="'c': it fails"):
            await get_secret("c")


@pytest.mark.parametrize("error", [ValueError, ConnectionError("down"), KeyboardInterrupt])
def test_an_error_that_no_fetch_raises_is_refused(error):
    with fake_secrets() as fakes:
        with pytest.raises(TypeError, match=r"core_backend\.errors"):
            fakes["a"] = error
        with pytest.raises(TypeError, match=r"core_backend\.errors"):
            fakes.fail_with(error)


async def test_every_fetch_fails_until_it_is_told_not_to(fake_clock):
    with fake_secrets({"a": "pl4nted-a", "b": "pl4nted-b"}) as fakes:
        fakes.fail_with(SecretNotFoundError)
        for name in ("a", "b"):
            with pytest.raises(SecretNotFoundError, match=f"secret '{name}'") as caught:
                await get_secret(name)
            assert caught.value.secret_id == name
        fakes.fail_with(None)
        fake_clock.advance(60)
        assert await get_secret("a") == "pl4nted-a"


async def test_so_many_fetches_fail_and_no_more(fake_clock):
    with fake_secrets({"a": "pl4nted-a"}) as fakes:
        fakes.fail_with(SecretUnavailableError, times=2)
        assert await get_secret("a") == "pl4nted-a"
        assert fakes.calls == ["a", "a", "a"]
        assert len(fake_clock.sleeps) == 2


async def test_a_failing_service_leaves_the_stale_value_in_use(fake_clock, caplog):
    with fake_secrets({"a": "pl4nted-a"}) as fakes:
        await get_secret("a")
        fakes.fail_with(SecretThrottledError("try later", secret_id="a"))
        fake_clock.advance(400)
        assert await get_secret("a") == "pl4nted-a"
    assert "serving a value past its expiry" in caplog.text


async def test_fetches_take_as_long_as_they_are_told_to():
    with fake_secrets({"a": "pl4nted-a", "b": "pl4nted-b"}) as fakes:
        fakes.latency = 0.05
        loop = asyncio.get_running_loop()
        start = loop.time()
        await get_secrets("a", "b")
        assert loop.time() - start >= 0.05


async def test_nothing_of_before_is_seen_inside_and_nothing_of_inside_afterwards():
    with fake_secrets({"a": "pl4nted-outer"}) as outer:
        await get_secret("a")
        with fake_secrets({"a": "pl4nted-inner"}):
            assert await get_secret("a") == "pl4nted-inner"
        assert await get_secret("a") == "pl4nted-outer"
        assert outer.calls == ["a"]


def test_setting_values_before_anything_is_asked_does_not_read_the_settings_yet(monkeypatch):
    with fake_secrets({"a": "pl4nted-a"}) as fakes:
        monkeypatch.setenv("CORE_BACKEND_TTL", "0")
        for _ in range(3):
            get_secret("a").result()
        assert len(fakes.calls) == 3
        assert secrets_info().hits == 0


def test_variables_are_set_and_unset_for_the_time_of_a_block(monkeypatch):
    monkeypatch.setenv("LEVEL", "low")
    monkeypatch.setenv("GONE", "here")
    monkeypatch.delenv("NEW", raising=False)
    with fake_env({"LEVEL": "high", "GONE": None, "NEW": "x", STRIPE: "dev/stripe-api-key"}):
        assert os.environ["LEVEL"] == "high"
        assert "GONE" not in os.environ
        assert os.environ["NEW"] == "x"
        assert get_env(STRIPE) == "dev/stripe-api-key"
    assert os.environ["LEVEL"] == "low"
    assert os.environ["GONE"] == "here"
    assert "NEW" not in os.environ
    assert STRIPE.env_key not in os.environ


def test_variables_are_restored_where_one_could_not_be_set(monkeypatch):
    monkeypatch.setenv("LEVEL", "low")
    with (
        pytest.raises(ValueError, match=r"null|illegal"),
        fake_env({"LEVEL": "high", "BROKEN": "a\0b"}),
    ):
        pass
    assert os.environ["LEVEL"] == "low"
    assert "BROKEN" not in os.environ


class Names(str, Enum):  # noqa: UP042  # what people have, whose str() is not its text
    STRIPE = "stripe-api-key"


async def test_the_name_of_any_subclass_of_str_is_its_text():
    with fake_secrets({Names.STRIPE: "pl4nted-enum"}) as fakes:
        assert await get_secret("stripe-api-key") == "pl4nted-enum"
        fakes.rotate(Names.STRIPE, "pl4nted-enum-2")
        assert fakes[Names.STRIPE] == fakes["stripe-api-key"] == "pl4nted-enum-2"
        fakes.fail_with(SecretNotFoundError, secret=Names.STRIPE)
        with pytest.raises(SecretNotFoundError, match="'stripe-api-key'"):
            await get_secret("stripe-api-key", fresh=True)
        del fakes[Names.STRIPE]
        assert not fakes


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "has 0 bytes, and Secrets Manager takes 1 to 65,536"),
        (b"", "has 0 bytes"),
        ("x" * 65_537, "has 65,537 bytes"),
        ("\N{EURO SIGN}" * 21_846, "has 65,538 bytes"),
        ({"key": "x" * 65_536}, "has 65,547 bytes"),
        ("half \ud83d", "its text is not UTF-8"),
    ],
)
def test_a_value_that_secrets_manager_does_not_take_is_refused(value, told):
    with fake_secrets({"a": "pl4nted-a"}) as fakes:
        with pytest.raises(ValueError, match=f"secret 'a': .*{told}") as e:
            fakes["a"] = value
        assert e.value.__context__ is None
        with pytest.raises(ValueError, match=told):
            fakes.rotate("a", value)
        assert fakes["a"] == "pl4nted-a"


def test_the_longest_value_is_served():
    with fake_secrets({"a": "x" * 65_536, BINARY: b"\xff" * 65_536}):
        assert len(get_secret("a").result()) == len(get_secret(BINARY).result()) == 65_536


async def test_one_secret_can_be_denied_and_granted_again(fake_clock):
    with fake_secrets({"a": "pl4nted-a", "b": "pl4nted-b"}) as fakes:
        assert await get_secret("a") == "pl4nted-a"
        fakes.fail_with(SecretAccessDeniedError, secret="a")
        assert await get_secret("a") == "pl4nted-a", "it is cached"
        with pytest.raises(SecretAccessDeniedError):
            await get_secret("a", fresh=True)
        assert await get_secret("b") == "pl4nted-b"
        fakes.fail_with(None, secret="a")
        # A refusal answers for itself for five seconds.
        fake_clock.advance(6)
        assert await get_secret("a", fresh=True) == "pl4nted-a"
        fakes.fail_with(None, secret="b")


async def test_failures_follow_a_pattern(fake_clock):
    pattern = [SecretThrottledError, None, SecretUnavailableError]
    with fake_secrets({"a": "pl4nted-a"}) as fakes:
        fakes.fail_with(pattern, times=2)
        fetches = []
        for _ in range(4):
            before = len(fakes.calls)
            assert await get_secret("a", fresh=True) == "pl4nted-a"
            fetches.append(len(fakes.calls) - before)
            fake_clock.advance(60)
        assert fetches == [2, 3, 2, 1]
        fakes.fail_with([SecretNotFoundError])
        fakes.fail_with(None)
        assert await get_secret("a", fresh=True) == "pl4nted-a"
        with pytest.raises(TypeError, match=r"core_backend\.errors"):
            fakes.fail_with([None, ValueError])


async def test_calls_are_recorded_with_their_times(fake_clock):
    with fake_secrets({"a": "pl4nted-a", "b": "pl4nted-b"}) as fakes:
        await get_secret("a")
        fake_clock.advance(5)
        await get_secret("b")
        assert fakes.calls == ["a", "b"]
        first, second = fakes.call_times
        assert second - first == 5


async def test_latency_may_be_a_function():
    with fake_secrets({"a": "pl4nted-a"}) as fakes:
        seconds = iter([0.0, 0.01])
        fakes.latency = lambda: next(seconds)
        await get_secret("a")
        await get_secret("a", fresh=True)
        assert list(seconds) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".env", '# a\nexport STRIPE_API_KEY=\'pl4nted-file\'\nDATABASE={"user": "${HOME}"}\n'),
        ("local.json", '\ufeff{"stripe-api-key": "pl4nted-file", "database": {"user": "${HOME}"}}'),
    ],
)
def test_secrets_come_out_of_a_file(tmp_path, file, text):
    (tmp_path / file).write_text(text, encoding="utf-8")
    with fake_secrets(tmp_path / file):
        assert get_secret(STRIPE).result() == "pl4nted-file"
        assert get_secret(DATABASE.json()).result() == {"user": "${HOME}"}
    with fake_secrets(str(tmp_path / file)):
        assert get_secret(get_env("STRIPE_API_KEY")).result() == "pl4nted-file"


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        (".env", "STRIPE_API_KEY", "has a line that is not KEY=value"),
        ("local.json", "[1]", "is not one JSON object"),
        ("local.json", '{"a b": "c"}', "a b"),
        ("local.json", '{"api-key": ""}', "secret 'api-key': .* 0 bytes"),
    ],
)
def test_a_file_that_holds_no_secrets_is_refused(tmp_path, file, text, told):
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=told), fake_secrets(tmp_path / file):
        pass


def test_a_name_with_a_variable_of_somebody_elses_sets_that():
    name = SecretName("stripe-signing-secret", env_key="STRIPE_SIGNING_SECRET_ARN")
    with fake_secrets({name: "pl4nted-foreign"}):
        assert os.environ["STRIPE_SIGNING_SECRET_ARN"] == "stripe-signing-secret"
        assert get_secret(get_env(name)).result() == "pl4nted-foreign"


def test_names_that_read_one_secret_in_several_ways_are_one_fake():
    with fake_secrets({DATABASE.field("user"): {"user": "me", "port": 5432}}) as fakes:
        assert get_secret(DATABASE.field("port", parse=int)).result() == 5432
        fakes.rotate(DATABASE.json(), {"user": "you", "port": 1})
        assert get_secret(DATABASE.field("user"), fresh=True).result() == "you"
        assert get_secret("nowhere", default="none").result() == "none"
