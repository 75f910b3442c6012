"""Functions, and what they may read, are found in templates as CDK writes them."""

from __future__ import annotations

import json

import pytest
from support.templates import BASIC, allow, function, policy, role, secret, template

from core_backend.deploy.formats import read_templates
from core_backend.errors import ConfigurationError

NAME = "dev/stripe"
# As CDK writes a reference to another Region, and one to a secret of a nested stack.
OTHER_REGION = {"Fn::GetAtt": ["ExportsReader1234", "/cdk/exports/Charges/SecretsRefStripe"]}
NESTED = {"Fn::GetAtt": ["Nested", "Outputs.ChargesNestedStripeRef"]}
NESTED_STACK = {"Type": "AWS::CloudFormation::Stack", "Properties": {}}


def may_read(*templates, value=NAME):
    [function] = [one for t in templates for one in t["Resources"].values() if is_function(one)]
    function["Properties"].setdefault("Environment", {})["Variables"] = {"SECRET": value}
    read = read_templates(templates)
    return read.may_read(read.functions[0], read.functions[0].environment["SECRET"])


def is_function(resource):
    return resource["Type"] == "AWS::Lambda::Function"


def test_a_function_is_read_with_its_environment_and_its_path():
    [one] = read_templates(
        [template(Charge=function(path="Charges/Charge", STRIPE=NAME), Role=role())]
    ).functions

    assert one.id == "Charge"
    assert one.path == "Charges/Charge"
    assert one.handler == "handler.handler"
    assert one.environment == {"STRIPE": NAME}


def test_a_function_without_metadata_goes_by_its_logical_id():
    bare = {"Type": "AWS::Lambda::Function"}
    [one] = read_templates([template(Charge=bare)]).functions

    assert (one.path, one.handler, one.environment) == ("Charge", "", {})


@pytest.mark.parametrize("empty", [None, {}, "${Text}"])
@pytest.mark.parametrize("key", ["Properties", "Metadata", "Environment", "Outputs"])
def test_what_a_template_leaves_empty_is_as_if_it_were_not_there(key, empty):
    charge = function()
    charge["Properties"]["Environment"] = empty if key == "Environment" else {}
    read = read_templates([{"Resources": {"Charge": charge | {key: empty}}, key: empty}])

    [one] = read.functions
    assert (one.path, one.environment) == ("Charge", {})


def test_a_handler_that_only_the_deployment_knows_is_shown_as_it_is_written():
    charge = function(handler={"Ref": "HandlerParameter"})

    assert read_templates([template(Charge=charge)]).functions[0].handler == "${HandlerParameter}"


def test_a_policy_without_a_document_allows_nothing():
    empty = {"Type": "AWS::IAM::Policy", "Properties": None}
    bare = {**policy(allow("x")), "Properties": {"Roles": {"Ref": "Role"}}}

    assert may_read(template(Charge=function(), Role=role(), A=empty, B=bare)) is False


def test_a_secret_is_read_with_its_name_if_it_has_one():
    read = read_templates([template(Stripe=secret(NAME), Unnamed=secret())])

    assert [(one.path, one.name) for one in read.secrets] == [("Stripe", NAME), ("Unnamed", None)]


@pytest.mark.parametrize(
    "resources",
    [
        {"Role": role(BASIC), "Policy": policy(allow({"Ref": "Stripe"}))},
        {"Role": role(inline=allow({"Ref": "Stripe"}))},
        {"Role": role(), "Policy": policy(allow({"Ref": "Stripe"}), kind="ManagedPolicy")},
        {
            "Role": role({"Ref": "Policy"}),
            "Policy": policy(allow({"Ref": "Stripe"}), to="-", kind="ManagedPolicy"),
        },
    ],
)
def test_however_the_role_is_allowed(resources):
    assert may_read(template(Charge=function(), Stripe=secret(NAME), **resources)) is True


@pytest.mark.parametrize(
    "resources",
    [
        {"Role": role(BASIC)},
        {"Role": role(), "Policy": policy(allow({"Ref": "Stripe"}), to="OtherRole")},
        {"Role": role(), "Policy": policy(allow({"Ref": "Other"})), "Other": secret("dev/other")},
    ],
)
def test_a_role_that_is_not_allowed(resources):
    assert may_read(template(Charge=function(), Stripe=secret(NAME), **resources)) is False


@pytest.mark.parametrize(
    "resources",
    [
        {"Charge": function("arn:aws:iam::123456789012:role/theirs")},
        {"Charge": function("ElsewhereRole")},
        {"Charge": function(), "Role": role("arn:aws:iam::aws:policy/SecretsManagerReadWrite")},
        {"Charge": function(), "Role": role({"Ref": "PolicyParameter"})},
        {"Charge": function(), "Role": role(inline=allow({"Ref": "referencetoParent"}))},
        {"Charge": function(), "Role": role(inline=allow({"Fn::ImportValue": "Unknown"}))},
        {"Charge": function(), "Role": role(inline=allow(OTHER_REGION))},
        {"Charge": function(), "Role": role(inline=allow(NESTED)), "Nested": NESTED_STACK},
    ],
)
def test_what_is_decided_elsewhere_cannot_be_told(resources):
    assert may_read(template(Stripe=secret(NAME), **resources)) is None


def test_a_name_that_only_the_deployment_knows_cannot_be_told_unless_nothing_may_be_read():
    granted = template(Charge=function(), Role=role(inline=allow({"Ref": "S"})), S=secret())
    bare = template(Charge=function(), Role=role())

    assert may_read(granted, value={"Ref": "NameParameter"}) is None
    assert may_read(bare, value={"Ref": "NameParameter"}) is False


def test_templates_that_are_deployed_together_are_read_together(tmp_path):
    secrets = template(Same=secret(NAME), exports={"Secrets:Stripe": {"Ref": "Same"}})
    secrets["Outputs"]["Role"] = {"Value": {"Fn::GetAtt": ["Same", "Id"]}}
    imported = {"Fn::ImportValue": "Secrets:Stripe"}
    charges = template(
        Charge=function(STRIPE=imported),
        Same=secret("dev/other"),
        Role=role(inline=allow(imported)),
    )
    path = tmp_path / "Charges.template.json"
    path.write_text(json.dumps(charges))

    read = read_templates([secrets, path])

    [one] = read.functions
    assert [(one.path, one.name) for one in read.secrets] == [
        ("1/Same", NAME),
        ("2/Same", "dev/other"),
    ]
    assert one.environment == {"STRIPE": {"Ref": "1/Same"}}
    assert read.may_read(one, NAME) is True
    assert read.may_read(one, "dev/other") is False


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read .*run cdk synth"),
        ("not json", "cannot be read .*run cdk synth"),
        ("[]", "a template is a JSON object with Resources"),
        ('{"Resources": []}', "a template is a JSON object with Resources"),
        ('{"Resources": {"Charge": null}}', "the resource Charge is not a JSON object"),
    ],
)
def test_what_is_no_template_is_refused(tmp_path, content, message):
    path = tmp_path / "X.template.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigurationError, match=message):
        read_templates([path])


def test_an_output_that_is_no_object_exports_nothing(tmp_path):
    path = tmp_path / "X.template.json"
    path.write_text('{"Resources": {}, "Outputs": {"Empty": null}}')

    read = read_templates([path])

    assert (list(read.secrets), list(read.functions)) == ([], [])


STRIPE = {"Ref": "Stripe"}
ROLE_ARN = {"Fn::GetAtt": ["Role", "Arn"]}


def resource(kind, **properties):
    return {"Type": f"AWS::{kind}", "Properties": properties}


def resource_policy(principal):
    statement = {**allow("*")["Statement"][0], "Principal": principal}
    return resource(
        "SecretsManager::ResourcePolicy",
        SecretId=STRIPE,
        ResourcePolicy={"Statement": [statement]},
    )


def granting(granted):
    return {"Role": role(inline=allow(granted))}


@pytest.mark.parametrize(
    ("value", "resources"),
    [
        (NAME, granting({"Fn::Sub": "${Stripe}"})),
        (NAME, granting({"Fn::Sub": ["${S}*", {"S": STRIPE}]})),
        (NAME, granting({"Fn::GetAtt": ["Stripe", "Id"]})),
        (NAME, granting({"Fn::GetAtt": "Stripe.Id"})),
        ({"Fn::GetAtt": ["Stripe", "Id"]}, granting(STRIPE)),
        ({"Fn::Sub": "${Stripe}"}, granting(STRIPE)),
        (STRIPE, granting({"Fn::Sub": "arn:${AWS::Partition}:secretsmanager:*:*:secret:dev/*"})),
        (
            {"Ref": "Attachment"},
            granting(STRIPE)
            | {"Attachment": resource("SecretsManager::SecretTargetAttachment", SecretId=STRIPE)},
        ),
        (
            NAME,
            {
                "Role": role(),
                "P": resource(
                    "IAM::RolePolicy", RoleName={"Ref": "Role"}, PolicyDocument=allow(STRIPE)
                ),
            },
        ),
        (
            NAME,
            {
                "Role": resource("IAM::Role", RoleName="charge"),
                "P": resource("IAM::Policy", Roles=["charge"], PolicyDocument=allow(STRIPE)),
            },
        ),
        (NAME, {"Role": role(), "P": resource_policy({"AWS": ROLE_ARN})}),
        (NAME, {"Role": role(), "P": resource_policy("*")}),
        ({"Fn::If": ["A", NAME, STRIPE]}, granting(STRIPE)),
    ],
)
def test_however_the_secret_is_written(value, resources):
    one = template(Charge=function(), Stripe=secret(NAME), **resources)

    assert may_read(one, value=value) is True


@pytest.mark.parametrize(
    ("value", "resources"),
    [
        (NAME, granting({"Fn::If": ["IsProd", STRIPE, "arn:aws:s3:::x"]})),
        (NAME, {"Role": role(), "P": {**policy(allow(STRIPE)), "Condition": "IsProd"}}),
        (NAME, {"Role": role(), "P": resource_policy({"AWS": "arn:aws:iam::1:role/x"})}),
        ({"Fn::If": ["A", NAME, "dev/other"]}, granting(STRIPE)),
        (NAME, {"Role": role({"Fn::If": ["A", "arn:aws:iam::1:policy/x", BASIC]})}),
    ],
)
def test_what_a_condition_or_somebody_elses_policy_decides_cannot_be_told(value, resources):
    one = template(Charge=function(), Stripe=secret(NAME), **resources)

    assert may_read(one, value=value) is None


def test_a_policy_of_the_secret_that_allows_something_else_says_nothing():
    other = resource_policy("*")
    other["Properties"]["ResourcePolicy"]["Statement"][0]["Action"] = (
        "secretsmanager:PutSecretValue"
    )

    assert may_read(template(Charge=function(), Stripe=secret(NAME), Role=role(), P=other)) is False


def test_the_account_alone_in_a_secrets_own_policy_lets_no_role_read_it():
    account = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
    one = template(Charge=function(), Stripe=secret(NAME), Role=role(), P=resource_policy(account))

    assert may_read(one) is False


def test_a_policy_under_the_functions_own_condition_is_there_when_it_is():
    charge, granted = function(), policy(allow(STRIPE))
    one = template(
        Charge={**charge, "Condition": "A"},
        P={**granted, "Condition": "A"},
        Role=role(),
        Stripe=secret(NAME),
    )

    assert may_read(one) is True


KEY_ARN = {"Fn::GetAtt": ["Key", "Arn"]}


class TestKeys:
    def may_decrypt(self, **resources):
        named = {"Key": resource("KMS::Key", KeyPolicy={}), "Role": role()} | resources
        stripe = resource("SecretsManager::Secret", Name=NAME, KmsKeyId=KEY_ARN)
        read = read_templates([template(Charge=function(), **{"Stripe": stripe} | named)])
        return read.may_decrypt(read.functions[0], NAME)

    def key(self, principal):
        statement = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": principal}
        return resource("KMS::Key", KeyPolicy={"Statement": [statement]})

    def decrypt(self, granted):
        statement = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": granted}
        return role(inline={"Statement": [statement]})

    def test_a_secret_without_a_key_of_its_own_needs_no_more(self):
        alias = {"Fn::Sub": "alias/aws/secretsmanager"}
        own = resource("SecretsManager::Secret", Name=NAME, KmsKeyId=alias)

        assert self.may_decrypt(Stripe=secret(NAME)) is True
        assert self.may_decrypt(Stripe=own) is True

    def test_the_role_or_the_keys_own_policy_allows_it(self):
        assert self.may_decrypt(Role=self.decrypt(KEY_ARN)) is True
        assert self.may_decrypt(Role=self.decrypt({"Ref": "Key"})) is True
        assert self.may_decrypt(Role=self.decrypt("*")) is True
        assert self.may_decrypt(Key=self.key({"AWS": ROLE_ARN})) is not False

    def test_neither_does(self):
        root = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}

        assert self.may_decrypt() is False
        assert self.may_decrypt(Key=self.key(root)) is False

    def test_a_key_of_somebody_elses_cannot_be_told(self):
        theirs = resource(
            "SecretsManager::Secret", Name=NAME, KmsKeyId="arn:aws:kms:eu-west-1:1:key/x"
        )

        imported = resource("SecretsManager::Secret", Name=NAME, KmsKeyId={"Fn::ImportValue": "K"})

        assert self.may_decrypt(Stripe=theirs) is None
        assert self.may_decrypt(Stripe=imported) is None
        assert self.may_decrypt(Role=self.decrypt("arn:aws:kms:eu-west-1:1:key/y")) is None
