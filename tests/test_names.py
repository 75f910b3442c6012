"""Names and ids: what AWS and Lambda accept, which variable a name has, and which are equal."""

from __future__ import annotations

import copy
import enum
import functools
import json
import pickle
import re
import string
from decimal import Decimal
from typing import Annotated, get_type_hints
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_backend import (
    InvalidSecretNameError,
    SecretId,
    SecretName,
    SecretText,
    get_resource_name,
)
from core_backend.names import DEFAULT_STAGE, RESERVED_ENV_KEYS, check_secret_id

LEGAL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_+=.@-"
legal_text = st.text(LEGAL, min_size=1, max_size=60)


def parsed(text):
    return Decimal(text)


@given(legal_text)
def test_a_legal_name_makes_a_legal_variable_or_is_refused(text):
    try:
        name = SecretName(text)
    except InvalidSecretNameError as error:
        assert repr(text[:50])[1:-1] in str(error)
        return
    assert name == text
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]+", name.env_key), "what Lambda accepts"
    assert name.env_key not in RESERVED_ENV_KEYS
    assert SecretName(name.env_key).env_key == name.env_key


@given(st.text() | st.none() | st.integers() | st.binary())
def test_an_illegal_name_is_refused_in_one_way(text):
    try:
        name = SecretName(text)
    except InvalidSecretNameError as error:
        assert len(str(error)) < 500
    else:
        assert set(name) <= set(LEGAL)


@given(legal_text)
def test_the_name_that_a_refusal_suggests_is_accepted(text):
    try:
        SecretName(text)
    except InvalidSecretNameError as error:
        suggestion = re.search(r"another name, such as '(.*)'", str(error)).group(1)
        SecretName(suggestion)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("stripe-api-key", "STRIPE_API_KEY"),
        ("db/main.password", "DB_MAIN_PASSWORD"),
        ("ALREADY_A_KEY", "ALREADY_A_KEY"),
        ("a+b=c@d.e", "A_B_C_D_E"),
        ("x1", "X1"),
        ("trailing-", "TRAILING_"),
    ],
)
def test_the_variable_is_the_name_in_capitals_and_underscores(name, key):
    assert SecretName(name).env_key == key


@pytest.mark.parametrize("length", [1, 2, 511, 512])
def test_a_name_has_up_to_512_characters(length):
    if length == 1:
        with pytest.raises(InvalidSecretNameError, match="two characters or more"):
            SecretName("n")
    else:
        assert len(SecretName("n" * length)) == length


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "the secret name is empty; give it 1 to 512 characters"),
        ("n" * 513, "has 513 characters; Secrets Manager takes at most 512"),
        ("api key", "characters that Secrets Manager does not take: ' '; use letters, digits"),
        ("clé", "does not take: 'é'"),
        (
            "rds!db-1",
            "'rds!db-1' is the real name of a secret that an AWS service manages.*SecretId",
        ),
        ("rds!db 1", "does not take: ' !'"),
        ("a\nb\x00", r"does not take: '\\x00\\n'"),
        ("a\n", r"does not take: '\\n'"),
        ("\ud800", r"does not take: '\\ud800'"),
        (b"api-key", "the secret name must be a str, not a bytes"),
        (None, "the secret name must be a str, not a NoneType"),
        ("2fa-seed", "variable '2FA_SEED', which Lambda does not allow.*such as 'app-2fa-seed'"),
        ("_handler", "variable '_HANDLER', which Lambda does not allow.*such as 'app-handler'"),
        ("/", "variable '_', which Lambda does not allow.*such as 'app-secret'"),
        ("path", "variable 'PATH', which belongs to the Lambda runtime.*such as 'app-path'"),
        (
            "https-proxy",
            "'HTTPS_PROXY', which the system or HTTP clients read for themselves; choose another",
        ),
        ("no_proxy", "'NO_PROXY', which the system or HTTP clients read.*'app-no_proxy'"),
        ("ssl-cert-file", "'SSL_CERT_FILE', which the system or HTTP clients read"),
        ("home", "'HOME', which the system or HTTP clients read.*such as 'app-home'"),
        ("aws-session-token", "which belongs to the Lambda runtime"),
        ("core-backend-ttl", "'CORE_BACKEND_TTL', which belongs to core_backend's settings"),
    ],
)
def test_an_illegal_name_is_refused_with_the_reason(name, why):
    with pytest.raises(InvalidSecretNameError, match=why):
        SecretName(name)


@pytest.mark.parametrize("key", sorted(RESERVED_ENV_KEYS))
def test_every_reserved_variable_is_refused(key):
    with pytest.raises(InvalidSecretNameError, match="choose another name, such as"):
        SecretName(key.lower().replace("_", "-"))


def test_a_refusal_is_a_value_error():
    assert issubclass(InvalidSecretNameError, ValueError)


def test_a_long_name_is_quoted_in_part():
    with pytest.raises(InvalidSecretNameError) as refusal:
        SecretName("n" * 100_000)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"parse": 3}, "parse of secret 'db' must be a function such as json.loads, not an int"),
        ({"parse": "json"}, "must be a function such as json.loads, not a str"),
        ({"stage": ""}, "the stage of secret 'db' is ''; it must be 1 to 256 printable"),
        ({"stage": "s" * 257}, "the stage of secret 'db' is .*must be 1 to 256"),
        ({"stage": "a\nb"}, "the stage of secret 'db'"),
        ({"stage": None}, "the stage of secret 'db' is None"),
        ({"version_id": ""}, "the version_id of secret 'db' is ''; it must be 1 to 64"),
        ({"version_id": "v" * 65}, "the version_id of secret 'db'"),
        ({"version_id": 1}, "the version_id of secret 'db' is 1"),
        (
            {"version_id": 10**5000},
            "the version_id of secret 'db' is a value of type int that cannot be shown",
        ),
    ],
)
@pytest.mark.parametrize("kind", [SecretName, SecretId])
def test_illegal_options_are_refused_with_the_reason(kind, options, why):
    with pytest.raises(InvalidSecretNameError, match=why):
        kind("db", **options)


def test_a_variable_that_somebody_else_named_is_taken():
    name = SecretName("stripe-signing-secret", env_key="STRIPE_SIGNING_SECRET_ARN")
    for same in (name, name.json(), name.field("key"), name.staged("AWSPREVIOUS")):
        assert same.env_key == "STRIPE_SIGNING_SECRET_ARN"
        assert same.text == "stripe-signing-secret"


def test_a_name_that_makes_no_legal_variable_can_be_given_one():
    assert SecretName("2fa-seed", env_key="TWO_FACTOR_SEED").env_key == "TWO_FACTOR_SEED"
    assert SecretName("path", env_key="PATH_SECRET").env_key == "PATH_SECRET"


@pytest.mark.parametrize(
    ("env_key", "why"),
    [
        ("", "the env_key of secret 'db' is '', which Lambda does not allow: it must begin with"),
        ("K", "is 'K', which Lambda does not allow"),
        ("DB-ARN", "is 'DB-ARN', which Lambda does not allow: .* only letters, digits and _"),
        ("_DB", "is '_DB', which Lambda does not allow"),
        ("1DB", "is '1DB', which Lambda does not allow"),
        ("AWS_REGION", "is 'AWS_REGION', which belongs to the Lambda runtime; choose another"),
        ("PATH", "is 'PATH', which belongs to the Lambda runtime"),
        ("HTTPS_PROXY", "is 'HTTPS_PROXY', which the system or HTTP clients read for themselves"),
        ("CORE_BACKEND_TTL", "is 'CORE_BACKEND_TTL', which belongs to core_backend's settings"),
        (3, "the env_key of secret 'db' must be a str, not an int"),
    ],
)
def test_a_variable_that_could_not_carry_the_name_is_refused(env_key, why):
    with pytest.raises(InvalidSecretNameError, match=why):
        SecretName("db", env_key=env_key)


def test_a_name_is_read_as_text_at_the_usual_stage():
    name = SecretName("db")
    assert (name.parse, name.stage, name.version_id) == (None, "AWSCURRENT", None)
    assert DEFAULT_STAGE == "AWSCURRENT"


def test_a_name_at_another_stage_or_version_keeps_what_it_parses_to():
    name = SecretName("db", parse=parsed, version_id="v1")
    previous = name.staged("AWSPREVIOUS")
    assert (previous.text, previous.env_key, previous.parse) == ("db", "DB", parsed)
    assert (previous.stage, previous.version_id) == ("AWSPREVIOUS", None)
    pinned = previous.versioned("v2")
    assert (pinned.text, pinned.env_key, pinned.parse) == ("db", "DB", parsed)
    assert (pinned.stage, pinned.version_id) == ("AWSCURRENT", "v2")
    assert SecretName("db").staged("AWSPENDING").parse is None
    assert name.version_id == "v1", "the name itself stays as it was"


@pytest.mark.parametrize("kind", [SecretName, SecretId])
def test_an_illegal_stage_version_field_or_parser_is_refused(kind):
    with pytest.raises(InvalidSecretNameError, match="the stage of secret 'db'"):
        kind("db").staged("")
    with pytest.raises(InvalidSecretNameError, match="the version_id of secret 'db'"):
        kind("db").versioned("")
    with pytest.raises(InvalidSecretNameError, match="the field of secret 'db' must be a str, not"):
        kind("db").field(3)
    with pytest.raises(InvalidSecretNameError, match="parse of secret 'db' must be a function"):
        kind("db").field("a", 3)
    with pytest.raises(InvalidSecretNameError, match="parse of secret 'db' must be a function"):
        kind("db").binary(3)


def test_a_name_is_a_str_wherever_one_is_expected():
    name = SecretName("db")
    assert {name: 1}["db"] == 1
    assert f"{name}" == "db"
    assert json.dumps({name: name}) == '{"db": "db"}'
    assert type(str(name)) is str
    assert repr(name) == "SecretName('db')"


class Unhashable:
    """A parser that is equal to others and has no hash."""

    def __call__(self, text):
        return text

    def __eq__(self, other):
        return isinstance(other, Unhashable)

    __hash__ = None


def read_in_all_ways(kind):
    """Return one reference for each thing that can be read of a secret, made anew each time."""
    plain = kind("db")
    return [
        plain,
        plain.json(),
        plain.field("a"),
        plain.field("b"),
        plain.field("a", int),
        plain.field("a", float),
        plain.binary(),
        plain.binary(len),
        plain.as_stored(),
        plain.staged("AWSPREVIOUS"),
        plain.versioned("v1"),
        plain.json().versioned("v1"),
        kind("db", parse=parsed),
        kind("db", parse=functools.partial),
        kind("db", parse=Unhashable()),
        kind("other"),
    ]


@pytest.mark.parametrize("kind", [SecretName, SecretId])
def test_references_that_read_different_things_are_different(kind):
    ways, again = read_in_all_ways(kind), read_in_all_ways(kind)
    for i, way in enumerate(ways):
        for j, other in enumerate(again):
            assert (way == other) is (i == j)
            assert (way != other) is (i != j)
            assert (hash(way) == hash(other)) is (i == j)
    assert len({*ways, *again}) == len(ways)
    assert len({repr(way) for way in ways}) == len(ways)
    cached = functools.lru_cache(lambda reference: reference)
    assert [cached(way) for way in ways] == ways


def test_a_plain_reference_is_its_text_and_no_other_is():
    for kind in (SecretName, SecretId):
        plain, *others = read_in_all_ways(kind)
        assert plain == "db"
        assert "db" == plain  # noqa: SIM300  # both sides decide
        assert hash(plain) == hash("db")
        for other in others:
            assert other != "db"
            assert "db" != other  # noqa: SIM300  # as above
            assert str(other) in ("db", "other")


def test_a_name_is_not_the_id_that_is_spelled_alike():
    # The name is read from its variable, and may stand for another secret.
    assert SecretName("db") != SecretId("db")
    assert SecretName("db").json() != SecretId("db").json()
    assert SecretName("db") != SecretName("db", env_key="DB_ARN")
    assert SecretName("db", env_key="DB_ARN") == "db"


def test_a_reference_equals_an_object_that_equals_everything():
    for kind in (SecretName, SecretId):
        for way in read_in_all_ways(kind):
            assert way == ANY
            assert way != 3
            assert not way == None  # noqa: E711, SIM201  # the operator is what is tested


def test_typing_keeps_annotations_apart():
    db = SecretName("db")

    class Settings:
        user: Annotated[str, db.field("client_id")]
        password: Annotated[str, db.field("client_secret")]
        name: Annotated[str, db]
        real: Annotated[str, SecretId("db")]

    hints = get_type_hints(Settings, localns=locals(), include_extras=True)
    assert [hint.__metadata__[0] for hint in hints.values()] == [
        db.field("client_id"),
        db.field("client_secret"),
        db,
        SecretId("db"),
    ]


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        (SecretName("db", env_key="DB_ARN"), "SecretName('db', env_key='DB_ARN')"),
        (SecretName("db").json(), "SecretName('db', parse=parse_json)"),
        (SecretName("db").field("a", int), "SecretName('db', parse=Field('a', int))"),
        (SecretName("db").binary(), "SecretName('db', parse=Binary())"),
        (SecretId("db").staged("S"), "SecretId('db', stage='S')"),
        (SecretId("db").versioned("v"), "SecretId('db', version_id='v')"),
    ],
)
def test_a_repr_says_how_a_secret_is_read(reference, shown):
    assert repr(reference) == shown


def test_a_name_can_be_subscribed_with_its_type():
    assert SecretName[str]("db") == "db"


@pytest.mark.parametrize(
    "name",
    [
        SecretName("db", parse=parsed, stage="AWSPENDING", version_id="v1"),
        SecretName("2fa-seed", env_key="SEED", version_id="v1", parse=parsed),
        SecretId.of("prod/db", SecretName("db", parse=parsed, version_id="v1")),
    ],
)
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy]
    + [lambda name, p=p: pickle.loads(pickle.dumps(name, p)) for p in range(6)],
)
def test_a_copied_or_pickled_name_is_complete(name, copied):
    other = copied({"name": name})["name"]
    assert type(other) is type(name)
    assert other == name
    assert hash(other) == hash(name)
    assert (other.parse, other.stage, other.version_id) == (parsed, name.stage, "v1")
    assert getattr(other, "env_key", None) == getattr(name, "env_key", None)


def test_an_id_by_itself_is_read_as_text_at_the_usual_stage():
    secret_id = SecretId("prod/db")
    assert secret_id == "prod/db"
    assert (secret_id.parse, secret_id.stage, secret_id.version_id) == (None, "AWSCURRENT", None)
    assert repr(secret_id) == "SecretId('prod/db')"


def test_an_id_is_read_as_its_name_is():
    name = SecretName("db", parse=parsed, stage="AWSPENDING", version_id="v1")
    secret_id = SecretId.of("prod/db", name)
    assert secret_id.text == "prod/db"
    assert (secret_id.parse, secret_id.stage, secret_id.version_id) == (parsed, "AWSPENDING", "v1")
    assert SecretId.of("prod/db", name) is secret_id, "nothing is made anew on the hot path"


@pytest.mark.parametrize(
    "secret_id",
    [
        "db",
        "prod/db",
        "n" * 2048,
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf",
        "rds!db-0a1b2c3d",
        "events!connection/mine/0a1b",
    ],
)
def test_names_and_arns_and_what_other_services_manage_are_ids(secret_id):
    assert check_secret_id(secret_id) == secret_id
    assert SecretId(secret_id) == secret_id


@pytest.mark.parametrize(
    ("secret_id", "why"),
    [
        ("", r"the secret's id is empty; pass its name or ARN, as get_env\(NAME\) returns it"),
        (" \t", "the secret's id is empty"),
        ("n" * 2049, "has 2,049 characters; Secrets Manager takes at most 2,048"),
        ("db\n", r"the secret id 'db\\n' has characters that no secret.* has: '\\n'; check where"),
        (" db", "' db' has characters that no secret's name or ARN has: ' '"),
        ("d b", "'d b' has characters"),
        ("db\x00", r"has: '\\x00'"),
        ("clé", "has: 'é'"),
        ('db","VersionStage":"x', "has characters"),
        ("db*", r"has: '\*'"),
        ("\udc80", r"has: '\\udc80'"),
        (None, "pass a secret's name or ARN, which is a str, not a NoneType"),
        (b"db", "not a bytes"),
        (["db"], "not a list"),
    ],
)
@pytest.mark.parametrize("check", [check_secret_id, SecretId])
def test_what_can_be_no_secrets_id_is_refused_with_the_reason(check, secret_id, why):
    with pytest.raises(InvalidSecretNameError, match=why):
        check(secret_id)


@given(st.text())
def test_an_id_is_accepted_or_refused_and_nothing_else(text):
    try:
        assert check_secret_id(text) is text
    except InvalidSecretNameError:
        assert not text or set(text) - set(f"{string.ascii_letters}{string.digits}/_+=.@-:!")


@pytest.mark.parametrize("check", [SecretName, SecretId, check_secret_id])
@pytest.mark.parametrize("length", [10, 3000])
def test_a_value_that_was_passed_for_a_name_is_not_quoted(check, length):
    value = SecretText(f"pl4nted{{}} {'x' * length}")
    with pytest.raises(InvalidSecretNameError) as refusal:
        check(value)
    assert "SecretText('***')" in str(refusal.value)
    assert not re.search("pl4n|[{}]", str(refusal.value))


class Names(str, enum.Enum):  # noqa: UP042  # what people have
    DB = "db"
    STAGE = "AWSPREVIOUS"


class StrNames(enum.StrEnum):
    DB = "db"
    STAGE = "AWSPREVIOUS"


@pytest.mark.parametrize("names", [Names, StrNames])
def test_a_member_of_an_enum_is_its_value(names):
    for made in (
        SecretName(names.DB),
        SecretId(names.DB),
        SecretId.of(names.DB, SecretName("other")),
        check_secret_id(names.DB),
    ):
        assert made == str(made) == "db"
        assert type(str(made)) is str
    assert SecretName(names.DB).env_key == "DB"
    assert SecretId(names.DB).key == "db"
    assert get_resource_name(names.DB, names.DB) == "db/db"
    assert SecretName("xy", env_key=names.DB).env_key == "db"
    name = SecretName("xy", stage=names.STAGE).field(names.DB)
    assert name == SecretName("xy", stage="AWSPREVIOUS").field("db")
    assert type(name.stage) is str


def test_a_resource_name_is_the_environment_and_the_name():
    assert get_resource_name(SecretName("stripe-api-key"), "prod") == "prod/stripe-api-key"
    assert type(get_resource_name(SecretName("db"), "prod")) is str
    assert get_resource_name("n" * 500, "e" * 11) == "e" * 11 + "/" + "n" * 500


@pytest.mark.parametrize(
    ("name", "env_name", "why"),
    [
        ("", "prod", "the secret name is empty"),
        ("db", "", "the environment name is empty"),
        ("db", "pr od", "the environment name 'pr od' has characters"),
        ("db", None, "the environment name must be a str, not a NoneType"),
        ("n" * 500, "e" * 12, "the secret name .* has 513 characters"),
    ],
)
def test_a_resource_name_that_could_not_be_is_refused(name, env_name, why):
    with pytest.raises(InvalidSecretNameError, match=why):
        get_resource_name(name, env_name)
