"""What a policy allows is read from CloudFormation's JSON as IAM would read it."""

from __future__ import annotations

import pytest

from core_backend.deploy.grants import (
    READ,
    DeclaredSecret,
    answer,
    as_list,
    find_secret,
    grants_of,
    intrinsics,
    is_known,
    is_wide,
    match_secret,
    text_of,
)

ARN = {"Ref": "Stripe1234"}
DECLARED = [
    DeclaredSecret("Charges/stripe", ARN, "dev/stripe"),
    DeclaredSecret("Charges/other", {"Ref": "Other1234"}, "dev/other"),
]
ALLOW = {"Statement": {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": ARN}}
PREFIX = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":secretsmanager:", "x:1:secret:"]]}


def arn(name: str) -> dict:
    return {"Fn::Join": ["", [text_of(PREFIX), name]]}


def readable(document) -> list:
    return [grant.resource for grant in grants_of(document, READ)]


def document(**statement) -> dict:
    return {"Statement": [{"Effect": "Allow", "Resource": "*", **statement}]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, []), ("one", ["one"]), (["one", "two"], ["one", "two"]), (ARN, [ARN])],
)
def test_one_or_many_is_a_list(value, expected):
    assert as_list(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        (ARN, "${Stripe1234}"),
        ({"Fn::GetAtt": ["Key", "Arn"]}, "${Key.Arn}"),
        ({"Fn::Join": ["-", ["a", {"Ref": "B"}, "c"]]}, "a-${B}-c"),
        ({"Fn::ImportValue": "X"}, '${{"Fn::ImportValue": "X"}}'),
    ],
)
def test_a_value_is_written_as_text_with_its_unknown_parts_marked(value, expected):
    assert text_of(value) == expected


def test_each_object_inside_a_value_is_found():
    value = {"Fn::Select": [0, {"Fn::Split": ["-", ARN]}]}

    assert list(intrinsics(value)) == [value, value["Fn::Select"][1], ARN]


@pytest.mark.parametrize(
    "action",
    [
        "secretsmanager:GetSecretValue",
        ["secretsmanager:DescribeSecret", "SecretsManager:getsecretvalue"],
        "secretsmanager:Get*",
        "secretsmanager:*",
        "*",
    ],
)
def test_an_action_allows_a_read(action):
    assert readable(document(Action=action, Resource=ARN)) == [ARN]


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": ["secretsmanager:DescribeSecret", "kms:*"]},
        {"Action": "secretsmanager:*", "Effect": "Deny"},
        {"Action": "secretsmanager:*", "Effect": None},
    ],
)
def test_what_allows_no_read(statement):
    assert readable(document(**statement)) == []


def test_what_a_statement_leaves_out_may_be_a_read():
    not_action = {"Effect": "Allow", "NotAction": "s3:*", "Resource": ARN}
    not_resource = {"Effect": "Allow", "Action": "*", "NotResource": ARN}

    assert readable({"Statement": [not_action, not_resource]}) == [ARN, "*"]


def test_a_lone_statement_and_a_list_of_resources_are_read_as_well():
    lone = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": [ARN, "two"]}}

    assert readable(lone) == [ARN, "two"]
    assert readable({}) == readable(None) == []


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (ARN, False),
        (arn("dev/stripe-??????"), False),
        (arn("dev/stripe-AbCdEf"), False),
        (arn("dev/*"), True),
        (arn("dev/stripe?-??????"), True),
        ("*", True),
    ],
)
def test_a_resource_is_wide_when_it_stands_for_more_than_one_secret(resource, expected):
    assert is_wide(resource) is expected


@pytest.mark.parametrize(
    ("value", "resource"),
    [
        (ARN, ARN),
        ({"Fn::Select": [0, {"Fn::Split": ["-", ARN]}]}, ARN),
        ("dev/stripe", ARN),
        ("dev/stripe", {"Fn::Join": ["", [ARN, "*"]]}),
        ("dev/stripe", arn("dev/stripe-??????")),
        ("dev/stripe", arn("dev/*")),
        (ARN, arn("dev/*")),
        (ARN, arn("dev/stripe-??????")),
        ({"Fn::ImportValue": "X"}, {"Fn::ImportValue": "X"}),
        ({"Fn::ImportValue": "X"}, {"Fn::Join": ["", [{"Fn::ImportValue": "X"}, "*"]]}),
        (arn("dev/stripe"), arn("dev/stripe-??????")),
        (arn("dev/stripe-AbCdEf"), arn("dev/stripe-??????")),
        (arn("dev/stripe-AbCdEf"), arn("dev/stripe-AbCdEf")),
        ("dev/stripe", "*"),
        ("dev/stripe", "arn:aws:secretsmanager:eu-central-1:123456789012:*"),
    ],
)
def test_a_resource_covers_the_secret_a_variable_names(value, resource):
    assert match_secret(value, resource, DECLARED) is True


@pytest.mark.parametrize(
    ("value", "resource"),
    [
        ({"Ref": "Other1234"}, ARN),
        ("dev/other", ARN),
        ("dev/stripe", {"Ref": "Other1234"}),
        ("dev/stripe", arn("prod/*")),
        ("dev/stripe", arn("dev/stripe")),
        ("dev/stripe-eu", arn("dev/stripe-??????")),
        ("dev/stripe", "arn:aws:s3:::bucket/*"),
        (
            "arn:aws:secretsmanager:eu-west-1:1:secret:dev/stripe",
            "arn:aws:secretsmanager:eu-central-1:*:secret:dev/stripe-??????",
        ),
        ("dev/stripe", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"),
    ],
)
def test_a_resource_does_not_cover_another_secret(value, resource):
    assert match_secret(value, resource, DECLARED) is False


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("dev/stripe", True),
        (PREFIX, True),
        (ARN, True),
        ({"Fn::Select": [0, {"Fn::Split": ["-", ARN]}]}, True),
        ({"Fn::Join": ["", ["dev/", {"Ref": "Parameter"}]]}, False),
        ({"Fn::ImportValue": "X"}, False),
        ({"Fn::GetAtt": ["ExportsReader", "/cdk/exports/Shop/Arn"]}, False),
    ],
)
def test_what_only_the_deployment_knows_may_be_any_secret(value, expected):
    assert is_known(value, DECLARED) is expected


@pytest.mark.parametrize(
    ("value", "resource"),
    [
        ("dev/stripe", {"Ref": "Parameter"}),
        ("dev/stripe", arn("${Env}/*")),
        ({"Ref": "Parameter"}, ARN),
        ({"Ref": "Unnamed"}, arn("Unnamed*")),
        ({"Ref": "InEnv"}, arn("prod/*")),
    ],
)
def test_what_only_the_deployment_knows_may_be_covered(value, resource):
    unnamed = DeclaredSecret("Unnamed", {"Ref": "Unnamed"}, None)
    in_env = DeclaredSecret("InEnv", {"Ref": "InEnv"}, "${Env}/stripe")
    if resource == arn("${Env}/*"):
        resource = {"Fn::Join": ["", ["arn:aws:secretsmanager:x:1:secret:", {"Ref": "Env"}, "/*"]]}

    assert match_secret(value, resource, [*DECLARED, unnamed, in_env]) is None


@pytest.mark.parametrize(
    ("document", "sure"),
    [
        ({"Fn::If": ["IsProd", ALLOW, {"Ref": "AWS::NoValue"}]}, [False]),
        ({"Statement": {"Fn::If": ["IsProd", ALLOW["Statement"], []]}}, [False]),
        (
            {"Statement": [{**ALLOW["Statement"], "Resource": {"Fn::If": ["A", ARN, "x"]}}]},
            [False] * 2,
        ),
        ({"Statement": [{**ALLOW["Statement"], "Action": {"Ref": "Action"}}]}, [False]),
        (ALLOW, [True]),
    ],
)
def test_what_a_condition_decides_is_not_sure(document, sure):
    assert [grant.is_sure for grant in grants_of(document, READ)] == sure


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (ARN, "Charges/stripe"),
        ("dev/stripe", "Charges/stripe"),
        (arn("dev/stripe-AbCdEf"), "Charges/stripe"),
        (arn("dev/stripe-??????"), "Charges/stripe"),
        (arn("dev/stripe"), "Charges/stripe"),
        (arn("dev/stripe-eu"), None),
        ("prod/stripe", None),
    ],
)
def test_a_variable_names_a_declared_secret_by_reference_name_or_arn(value, path):
    secret = find_secret(value, DECLARED)

    assert (secret and secret.path) == path


@pytest.mark.parametrize(
    ("answers", "expected"),
    [([], False), ([False, None], None), ([None, True, False], True), ([False], False)],
)
def test_one_yes_is_enough_and_one_doubt_is_a_doubt(answers, expected):
    assert answer(answers) is expected
