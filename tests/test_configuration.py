"""Settings: from code or the environment, one set of limits, all faults at once."""

from __future__ import annotations

import enum
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.settings import vars_of

from core_backend import ConfigurationError
from core_backend._configuration import (
    ENV_PREFIX,
    NAMES,
    SOURCES,
    Settings,
    change_settings,
    read_settings,
)

DEFAULTS = Settings()


class Names(str, enum.Enum):  # noqa: UP042  # what people have
    DB = "prod/db"


class Host(str, enum.Enum):  # noqa: UP042  # as above
    HOST = "localstack"


class StrNames(enum.StrEnum):
    DB = "prod/db"


# The same table in other words: the least, the most, and one step beyond each.
NUMBERS = {
    "ttl": (0, 86_400),
    "jitter": (0, 0.5),
    "refresh_ahead": (0.1, 1),
    "max_stale": (0, 604_800),
    "attempts": (1, 10),
    "connect_timeout": (0.01, 60),
    "read_timeout": (0.01, 60),
    "timeout": (0.01, 300),
    "max_connections": (1, 1_000),
    "max_entries": (1, 1_000_000),
    "idle_timeout": (0, 3_600),
}
WHOLE = ("attempts", "max_connections", "max_entries")
anything = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())
) | st.sampled_from([*SOURCES, ("a*",), {"a"}, b"1", object])


def from_env(**variables):
    return read_settings({f"{ENV_PREFIX}{key.upper()}": v for key, v in variables.items()})


def test_without_variables_all_is_at_its_default():
    assert vars_of(read_settings({"PATH": "/bin", "core_backend_ttl": "1"})) == vars_of(DEFAULTS)
    assert vars_of(change_settings(DEFAULTS, {})) == vars_of(DEFAULTS)


def test_the_defaults_are_the_documented_ones():
    assert tuple(vars_of(DEFAULTS).values()) == (
        *(300.0, 0.1, 0.8, 3600.0, 3, 1.0, 2.0, 5.0, 10, 1024, 12.0),
        *(False, False, True, "auto", "", ()),
    )


def test_the_defaults_are_within_their_own_limits():
    assert vars_of(change_settings(DEFAULTS, vars_of(DEFAULTS))) == vars_of(DEFAULTS)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_taken_at_its_limits_and_not_beyond(name):
    for limit, beyond in zip(NUMBERS[name], (-math.inf, math.inf), strict=True):
        assert getattr(change_settings(DEFAULTS, {name: limit}), name) == limit
        assert getattr(from_env(**{name: str(limit)}), name) == limit
        past = limit + math.copysign(1, beyond) if name in WHOLE else math.nextafter(limit, beyond)
        for change in (
            lambda past=past: change_settings(DEFAULTS, {name: past}),
            lambda past=past: from_env(**{name: str(past)}),
        ):
            with pytest.raises(ConfigurationError, match="must be a .*number from .* to "):
                change()


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [
        *(math.nan, math.inf, -math.inf, 10**400, True, None, "5", b"5", Decimal(5), [5]),
        pytest.param(10**5000, id="too long for Python to show"),
    ],
)
def test_what_is_no_finite_number_is_no_number(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} must be a .*number from"):
        change_settings(DEFAULTS, {name: value})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "True", "five", "0x10", "5s", "9" * 5000])
def test_text_that_is_no_finite_number_is_no_number(name, text):
    with pytest.raises(ConfigurationError, match=f"^CORE_BACKEND_{name.upper()} must be a ") as no:
        from_env(**{name: text})
    assert len(str(no.value)) < 200


@pytest.mark.parametrize("name", WHOLE)
def test_a_count_is_whole(name):
    for change in (
        lambda: change_settings(DEFAULTS, {name: 2.0}),
        lambda: from_env(**{name: "2.5"}),
    ):
        with pytest.raises(ConfigurationError, match="must be a whole number from 1 to"):
            change()
    assert type(getattr(change_settings(DEFAULTS, {name: 2}), name)) is int


def test_a_time_is_a_float_however_it_is_given():
    assert type(change_settings(DEFAULTS, {"ttl": 60}).ttl) is float
    assert type(from_env(ttl="60").ttl) is float
    assert from_env(ttl=" 1.5e2\n").ttl == 150.0


@pytest.mark.parametrize("name", ["batch", "redact_logs", "warm_up"])
def test_a_switch_is_on_or_off(name):
    for text in ("1", "true", "Yes", " ON "):
        assert getattr(from_env(**{name: text}), name) is True
    for text in ("0", "false", "No", "off"):
        assert getattr(from_env(**{name: text}), name) is False
    assert getattr(change_settings(DEFAULTS, {name: True}), name) is True
    for value in (1, 0, None, "true"):
        with pytest.raises(ConfigurationError, match=f"^{name} must be true or false, not "):
            change_settings(DEFAULTS, {name: value})
    with pytest.raises(ConfigurationError, match="must be true or false, not 'maybe'"):
        from_env(**{name: "maybe"})


def test_a_source_is_one_of_four():
    for source in ("auto", "direct", "sdk", "extension"):
        assert change_settings(DEFAULTS, {"source": source}).source == source
        assert from_env(source=source).source == source
    for source in ("boto3", "SDK", None, ["sdk"]):
        with pytest.raises(
            ConfigurationError, match="^source must be one of auto, direct, sdk, extension, not "
        ):
            change_settings(DEFAULTS, {"source": source})


def test_an_insecure_endpoint_is_a_host():
    for host in ("localstack", "172.17.0.2", "LocalStack", "[fe80::1]", ""):
        given = change_settings(DEFAULTS, {"insecure_endpoint": host}).insecure_endpoint
        assert given == host.strip("[]").lower()
    assert from_env(insecure_endpoint="localstack").insecure_endpoint == "localstack"
    given = change_settings(DEFAULTS, {"insecure_endpoint": Host.HOST}).insecure_endpoint
    assert given == "localstack"
    for wrong in ("http://localstack", "localstack:4566", "local stack", "a/b", None, 3, ["a"]):
        with pytest.raises(ConfigurationError, match="^insecure_endpoint must be a host without"):
            change_settings(DEFAULTS, {"insecure_endpoint": wrong})


def test_what_is_allowed_is_a_list_of_ids_and_prefixes():
    assert from_env(allow="prod/db, prod/stripe-*,, ").allow == ("prod/db", "prod/stripe-*")
    for allow in (["a", "b*"], ("a", "b*")):
        assert change_settings(DEFAULTS, {"allow": allow}).allow == ("a", "b*")
    assert change_settings(DEFAULTS, {"allow": {"a"}}).allow == ("a",)
    assert change_settings(DEFAULTS, {"allow": []}).allow == ()
    for allow in ("prod/*", None, 3):
        with pytest.raises(ConfigurationError, match="^allow must be a list of ids and prefixes"):
            change_settings(DEFAULTS, {"allow": allow})
    for names in (Names, StrNames):
        allowed = change_settings(DEFAULTS, {"allow": list(names)}).allow
        assert allowed == ("prod/db",)
        assert type(allowed[0]) is str
    for allow in (",", " , ,"):
        with pytest.raises(ConfigurationError, match="^CORE_BACKEND_ALLOW must be a list of ids"):
            from_env(allow=allow)
    for allow in ([""], ["a", 3], {None}):
        with pytest.raises(ConfigurationError, match="^allow must hold strings that are not empty"):
            change_settings(DEFAULTS, {"allow": allow})


def test_an_empty_variable_counts_as_not_set():
    given = from_env(ttl="", source=" ", allow="", batch="", no_such="")
    assert vars_of(given) == vars_of(DEFAULTS)


def test_the_variables_of_the_command_are_not_settings():
    assert vars_of(from_env(names="names.py", env="dev")) == vars_of(DEFAULTS)


def test_an_unknown_setting_is_named_with_the_one_that_was_meant():
    with pytest.raises(ConfigurationError, match="^unknown setting 'tll'; did you mean ttl[?]$"):
        change_settings(DEFAULTS, {"tll": 1})
    with pytest.raises(
        ConfigurationError,
        match="setting 'CORE_BACKEND_READ_TIME_OUT'; did you mean CORE_BACKEND_READ_TIMEOUT[?]$",
    ):
        from_env(read_time_out="1")


def test_an_unknown_setting_that_is_like_no_other_is_named_with_all_there_are():
    with pytest.raises(
        ConfigurationError, match="^unknown setting 'xyzzy'; valid settings are ttl, jit"
    ):
        change_settings(DEFAULTS, {"xyzzy": 1})


def test_a_variable_in_small_letters_is_not_a_setting():
    with pytest.raises(ConfigurationError, match="unknown setting 'CORE_BACKEND_ttl'"):
        read_settings({"CORE_BACKEND_ttl": "1"})


def test_all_faults_are_named_at_once():
    with pytest.raises(ConfigurationError) as faults:
        from_env(ttl="-1", no_such="1", source="boto3", attempts="3")
    ttl, unknown, *_, source = str(faults.value).split("; ")
    assert ttl.startswith("CORE_BACKEND_TTL must be a number")
    assert unknown == "unknown setting 'CORE_BACKEND_NO_SUCH'"
    assert source.startswith("CORE_BACKEND_SOURCE must be one of")


def test_what_is_not_changed_stays():
    changed = change_settings(
        change_settings(DEFAULTS, {"ttl": 60, "batch": True}), {"attempts": 5}
    )
    assert (changed.ttl, changed.batch, changed.attempts) == (60.0, True, 5)
    assert DEFAULTS.ttl == 300.0


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(), anything, max_size=4))
def test_changes_are_made_or_refused_and_nothing_else(changes):
    try:
        changed = change_settings(DEFAULTS, changes)
    except ConfigurationError as error:
        # An unknown one is quoted, and in part.
        assert any(repr(name)[1:-1][:70] in str(error) for name in changes)
    else:
        for name, (least, most) in NUMBERS.items():
            assert least <= getattr(changed, name) <= most
        assert set(changes) <= set(NAMES)


@given(st.dictionaries(st.sampled_from(NAMES), st.text(), max_size=4))
def test_variables_are_taken_or_refused_and_nothing_else(variables):
    try:
        taken = from_env(**variables)
    except ConfigurationError as error:
        assert any(f"{ENV_PREFIX}{name.upper()}" in str(error) for name in variables)
    else:
        assert vars_of(change_settings(DEFAULTS, vars_of(taken))) == vars_of(taken)
