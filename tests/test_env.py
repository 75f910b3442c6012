"""Reading the environment: what is missing or wrong is said with the variable's name."""

from __future__ import annotations

import enum
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_backend import InvalidSecretNameError, MissingEnvError, SecretId, SecretName, get_env
from core_backend.env import get_envs

TOO_LONG = pytest.param(10**5000, id="too long for Python to show")
STRIPE = SecretName("stripe-api-key", parse=str.upper, stage="AWSPREVIOUS")


@pytest.fixture(autouse=True)
def environ(monkeypatch):
    """An environment that holds what a test puts there, and nothing else."""
    for key in os.environ:
        if key != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(key)
    return monkeypatch


def test_a_variable_is_read_by_its_own_name(environ):
    environ.setenv("LOG_LEVEL", "INFO")
    assert get_env("LOG_LEVEL") == "INFO"
    assert type(get_env("LOG_LEVEL")) is str


def test_a_variable_is_read_by_the_key_derived_from_a_name(environ):
    environ.setenv("STRIPE_API_KEY", "prod/stripe-api-key")
    assert get_env("stripe-api-key") == "prod/stripe-api-key"


def test_the_exact_name_goes_before_the_derived_key(environ):
    environ.setenv("STRIPE_API_KEY", "derived")
    environ.setenv("stripe-api-key", "exact")
    assert get_env("stripe-api-key") == "exact"
    assert get_env(STRIPE).text == "exact"


def test_a_secrets_name_gives_an_id_that_knows_how_it_is_read(environ):
    environ.setenv("STRIPE_API_KEY", "prod/stripe-api-key")
    secret_id = get_env(STRIPE)
    assert secret_id.text == "prod/stripe-api-key"
    assert type(secret_id) is SecretId
    assert (secret_id.parse, secret_id.stage) == (str.upper, "AWSPREVIOUS")


def test_a_variable_may_be_empty_but_a_secrets_may_not(environ):
    environ.setenv("STRIPE_API_KEY", "")
    assert get_env("STRIPE_API_KEY") == ""
    assert get_env("stripe-api-key") == ""
    with pytest.raises(MissingEnvError, match="variable STRIPE_API_KEY is empty. It carries"):
        get_env(STRIPE)


def test_an_empty_exact_variable_of_a_secret_gives_way_to_the_derived(environ):
    environ.setenv("stripe-api-key", "")
    environ.setenv("STRIPE_API_KEY", "prod/stripe-api-key")
    assert get_env(STRIPE).text == "prod/stripe-api-key"


def test_a_missing_variable_is_named_with_what_to_do():
    with pytest.raises(MissingEnvError) as missing:
        get_env("LOG_LEVEL")
    assert str(missing.value) == (
        "the environment variable LOG_LEVEL is not set. Set it in the function's environment, or "
        "pass get_env a default"
    )
    assert missing.value.variables == ("LOG_LEVEL",)


def test_a_missing_variable_of_a_secret_is_named_with_what_declares_it():
    with pytest.raises(MissingEnvError) as missing:
        get_env(STRIPE)
    assert str(missing.value) == (
        "the environment variable STRIPE_API_KEY is not set (nor is stripe-api-key). It carries "
        "the real name of secret 'stripe-api-key': declare it in the stack, "
        'environment={"STRIPE_API_KEY": secret.secret_name}, and deploy; in a test, fake the '
        "secret, which sets it: fake_secrets[NAME] = value"
    )
    assert missing.value.variables == ("STRIPE_API_KEY",)


ARN = SecretName("DB", env_key="DB_SECRET_ARN")


def test_of_a_name_with_a_variable_of_its_own_only_that_is_read(environ):
    environ.setenv("DB", "the name of a database")
    with pytest.raises(MissingEnvError) as missing:
        get_env(ARN)
    assert str(missing.value).startswith("the environment variable DB_SECRET_ARN is not set. It ")
    assert missing.value.variables == ("DB_SECRET_ARN",)
    for real in ("prod/db", "prod/other"):
        environ.setenv("DB_SECRET_ARN", real)
        assert get_env(ARN) == real
        assert get_env(ARN) == real, "found once more as it was found before"
        assert get_envs([ARN]) == [real]
        assert get_env("DB_SECRET_ARN") == real
    environ.delenv("DB_SECRET_ARN")
    assert get_env(ARN, None) is None


class Variables(str, enum.Enum):  # noqa: UP042  # what people have
    LOG_LEVEL = "log_level"
    STRIPE = "stripe-api-key"
    DEFAULT = "dev/stripe-api-key"


def test_a_member_of_an_enum_is_its_value(environ):
    with pytest.raises(MissingEnvError, match="STRIPE_API_KEY is not set .nor is stripe-api-key"):
        get_env(Variables.STRIPE)
    environ.setenv("STRIPE_API_KEY", "prod/stripe-api-key")
    environ.setenv("log_level", "INFO")
    assert get_env(Variables.LOG_LEVEL) == "INFO"
    assert get_env(Variables.STRIPE) == "prod/stripe-api-key"
    environ.delenv("STRIPE_API_KEY")
    assert get_env(STRIPE, Variables.DEFAULT).text == "dev/stripe-api-key"


def test_a_missing_variable_is_a_key_error():
    with pytest.raises(KeyError, match="^the environment variable NO_SUCH is not set"):
        get_env("NO_SUCH")


def test_a_reserved_or_odd_name_is_missing_under_itself():
    for name in ("PATH", "_HANDLER", "a b", "été"):
        with pytest.raises(MissingEnvError) as missing:
            get_env(name)
        assert missing.value.variables == (name,)


def test_the_closest_names_that_are_set_are_listed(environ):
    for key in ("STRIPE_KEY", "STRIPE_APIKEY", "SOMETHING_ELSE"):
        environ.setenv(key, "pl4nted-in-a-variable")
    with pytest.raises(MissingEnvError) as missing:
        get_env(STRIPE)
    assert "; similar ones that are set: STRIPE_APIKEY, STRIPE_KEY. It carries" in str(
        missing.value
    )
    assert "SOMETHING_ELSE" not in str(missing.value)
    assert "pl4nted" not in str(missing.value), "variables' values are nobody's business"


def test_an_empty_variable_is_not_listed_as_similar_to_itself(environ):
    environ.setenv("STRIPE_API_KEY", "")
    with pytest.raises(MissingEnvError) as missing:
        get_env(STRIPE)
    assert "similar" not in str(missing.value)


def test_a_variable_that_no_text_can_name_is_left_out(environ):
    os.environb[b"STRIPE_API_KEY\xff"] = b"x"
    try:
        with pytest.raises(MissingEnvError) as missing:
            get_env(STRIPE)
    finally:
        del os.environb[b"STRIPE_API_KEY\xff"]
    assert "similar" not in str(missing.value)
    str(missing.value).encode()


@pytest.mark.parametrize("default", [None, 3, "INFO", ""])
def test_a_default_stands_in_for_a_missing_variable(environ, default):
    assert get_env("LOG_LEVEL", default) is default
    assert get_env("LOG_LEVEL", default=default) is default
    environ.setenv("LOG_LEVEL", "DEBUG")
    assert get_env("LOG_LEVEL", default) == "DEBUG"


def test_a_secrets_default_is_an_id_as_well_where_it_is_text(environ):
    secret_id = get_env(STRIPE, "dev/stripe-api-key")
    assert secret_id.text == "dev/stripe-api-key"
    assert type(secret_id) is SecretId
    assert secret_id.parse is str.upper
    assert get_env(STRIPE, None) is None
    environ.setenv("STRIPE_API_KEY", "")
    assert get_env(STRIPE, None) is None
    environ.setenv("STRIPE_API_KEY", "prod/stripe-api-key")
    assert get_env(STRIPE, None).text == "prod/stripe-api-key"


@pytest.mark.parametrize("default", ["", "dev stripe"])
def test_a_default_that_can_be_no_secrets_id_is_refused(default):
    why = "get_env's default for secret 'stripe-api-key': .*; to do without the secret, pass None"
    with pytest.raises(InvalidSecretNameError, match=why):
        get_env(STRIPE, default)


@pytest.mark.parametrize("text", ["prod/key\n", "  ", "n" * 2049])
def test_a_variable_that_holds_no_secrets_id_is_named(environ, text):
    environ.setenv("STRIPE_API_KEY", text)
    why = "the environment variable STRIPE_API_KEY must carry the real name of secret 'stripe-api"
    with pytest.raises(InvalidSecretNameError, match=why):
        get_env(STRIPE)
    with pytest.raises(InvalidSecretNameError, match=why):
        get_envs([STRIPE])
    assert get_env("STRIPE_API_KEY") == text, "as plain text it is what it is"


@pytest.mark.parametrize(
    "name", ["", None, 3, b"PATH", "NUL\x00", "LINE\n", "\ud800", chr(0xDC80), TOO_LONG]
)
def test_what_can_name_no_variable_is_refused(name):
    with pytest.raises(InvalidSecretNameError, match="get_env takes the name of an environment"):
        get_env(name, "default")


@given(st.text())
def test_a_name_is_missing_or_refused_and_nothing_else(name):
    try:
        get_env(name)
    except (MissingEnvError, InvalidSecretNameError) as error:
        str(error).encode()
    else:
        assert name == "PYTEST_CURRENT_TEST"


def test_several_secrets_are_read_in_order(environ):
    environ.setenv("DB", "prod/db")
    environ.setenv("STRIPE_API_KEY", "prod/stripe-api-key")
    found = get_envs([STRIPE, SecretName("db")])
    assert [str(one) for one in found] == ["prod/stripe-api-key", "prod/db"]
    assert get_envs([]) == []


def test_all_that_are_missing_are_named_at_once(environ):
    environ.setenv("DB", "prod/db")
    environ.setenv("EMPTY", "")
    with pytest.raises(MissingEnvError) as missing:
        get_envs([STRIPE, SecretName("db"), SecretName("empty"), SecretName("smtp")])
    assert missing.value.variables == ("STRIPE_API_KEY", "EMPTY", "SMTP")
    lines = str(missing.value).splitlines()
    assert [line.split(". ")[0] for line in lines] == [
        "the environment variable STRIPE_API_KEY is not set (nor is stripe-api-key)",
        "the environment variable EMPTY is empty",
        "the environment variable SMTP is not set (nor is smtp)",
    ]
