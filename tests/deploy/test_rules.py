"""What can be wrong with a template, whatever the code, and what only looks like it."""

from __future__ import annotations

import pytest
from support.templates import allow, function, role, secret, template

from core_backend.deploy.formats import read_templates
from core_backend.deploy.grants import as_list
from core_backend.deploy.rules import check_function, check_secrets
from core_backend.deploy.template import Stack, combine

NAME = "dev/stripe"
READ = role(inline=allow({"Ref": "Stripe"}))


def rules_of(read, names=None):
    return {one.rule: one for one in check_function(read, read.functions[0], names)}


def check(names=None, **resources):
    made = {"Charge": function(SECRET=NAME), "Role": READ, "Stripe": secret(NAME)}
    return rules_of(read_templates([template(**made | resources)]), names)


def resource(kind, **properties):
    return {"Type": f"AWS::{kind}", "Properties": properties}


def test_all_is_well():
    assert check() == {}


@pytest.mark.parametrize(
    ("variable", "rule"),
    [
        ("stripe-api-key", "variable-not-allowed"),
        ("A", "variable-not-allowed"),
        ("AWS_REGION", "variable-reserved"),
    ],
)
def test_a_variable_that_lambda_refuses_and_nothing_that_follows(variable, rule):
    found = check(Charge=function(**{variable: "x", "SECRET": NAME}), Role=role())

    assert found.keys() == {rule}
    assert repr(variable) in str(found[rule]) or variable in str(found[rule])


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("x" * (4096 - len('{"KEY":""}')), True),
        ("x" * 4096, False),
        ({"Fn::If": ["A", "x" * 9000, "x"]}, True),
        ({"Fn::Join": ["", ["x" * 4000, {"Ref": "Y" * 200}]]}, True),
        ({"Ref": "Y" * 5000}, True),
    ],
)
def test_an_environment_over_4_kb(value, fits):
    found = check(Charge=function(KEY=value), Role=role())

    assert found.keys() == (set() if fits else {"environment-too-large"})


def test_a_secret_that_the_function_may_not_read_or_not_decrypt():
    key = {"Fn::GetAtt": ["Key", "Arn"]}
    stripe = resource("SecretsManager::Secret", Name=NAME, KmsKeyId=key)

    assert check(Role=role()).keys() == {"secret-not-readable"}
    found = check(Stripe=stripe, Key=resource("KMS::Key", KeyPolicy={}))
    assert found.keys() == {"secret-not-decryptable"}
    assert "allow it kms:Decrypt on that key" in str(found["secret-not-decryptable"])


@pytest.mark.parametrize(
    "value",
    [
        "{{resolve:secretsmanager:dev/stripe:SecretString}}",
        {"Fn::Sub": "{{resolve:secretsmanager:${Stripe}:SecretString:key}}"},
        {"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "Stripe"}, "}}"]]},
    ],
)
def test_the_value_of_a_secret_in_a_variable(value):
    found = check(Charge=function(SECRET=value))

    assert "secret-value-in-variable" in found
    assert "environment={NAME: secret.secret_name}" in str(found["secret-value-in-variable"])


def test_a_name_that_is_known_to_be_a_secrets_is_judged_though_no_template_declares_it():
    charge = function(SECRET="shared/stripe")

    assert check(Charge=charge, Role=role()) == {}
    assert check({"SECRET": "stripe"}, Charge=charge, Role=role()).keys() == {"secret-not-readable"}


class TestGrantsThatNoVariableNames:
    def unnamed(self, names=None, **resources):
        charge = function("ChargeServiceRole1234ABCD")
        made = {"Charge1234ABCD": charge, "ChargeServiceRole1234ABCD": READ, "Role": role()}
        named = {"Stripe": secret(NAME)} | made | resources
        return rules_of(read_templates([template(**named)]), names).get("secret-not-named")

    def test_they_are_too_much_where_the_names_are_known_and_may_be_meant_elsewhere(self):
        assert self.unnamed({}).is_error
        assert not self.unnamed().is_error

    def test_not_in_a_role_that_may_be_anothers_as_well(self):
        assert self.unnamed({}, Charge1234ABCD=function("Role"), Role=READ) is None
        assert self.unnamed({}, Charge1234ABCD=function({"Ref": "RoleArn"})) is None

    def test_not_for_the_function_that_rotates_it(self):
        rotation = resource(
            "SecretsManager::RotationSchedule",
            SecretId={"Ref": "Stripe"},
            RotationLambdaARN={"Fn::GetAtt": ["Charge1234ABCD", "Arn"]},
        )

        assert self.unnamed({}, Rotation=rotation) is None

    @pytest.mark.parametrize("granted", ["*", {"Ref": "Parameter"}])
    def test_not_where_it_cannot_be_told_which_secret(self, granted):
        allowed = role(inline=allow(granted))

        assert self.unnamed({}, ChargeServiceRole1234ABCD=allowed) is None


class TestPlaces:
    HERE = ("111111111111", "eu-central-1")

    def check(self, home, here=HERE, granted="*", value=NAME, **properties):
        there = template(Stripe=resource("SecretsManager::Secret", Name=NAME, **properties))
        own = template(Charge=function(SECRET=value), Role=role(inline=allow(granted)))
        stacks = [
            Stack(own, "Charges.template.json", *here),
            Stack(there, "Secrets.template.json", *home),
        ]
        return rules_of(combine(stacks))

    @pytest.mark.parametrize(
        ("home", "shown"),
        [
            (("111111111111", "eu-west-1"), "account 111111111111 and Region eu-west-1, but"),
            (("222222222222", "eu-central-1"), "account 222222222222 and Region eu-central-1, but"),
            ((None, "eu-west-1"), "account of the deployment and Region eu-west-1, but"),
        ],
    )
    def test_a_plain_name_of_elsewhere(self, home, shown):
        found = self.check(home)["secret-elsewhere"]

        assert f"the secret 'dev/stripe' of Secrets, in {shown}" in str(found)
        assert "pass its full ARN" in str(found)

    @pytest.mark.parametrize(
        ("home", "here"), [(HERE, HERE), ((None, None), HERE), (HERE, (None, None))]
    )
    def test_one_that_may_be_here(self, home, here):
        assert self.check(home, here) == {}

    def test_an_arn_says_where_it_is(self):
        arn = {"Fn::ImportValue": "Stripe"}

        assert self.check(("111111111111", "eu-west-1"), value=arn) == {}

    def test_a_replica_is_here(self):
        replicas = [{"Region": "eu-central-1"}]

        assert self.check(("111111111111", "eu-west-1"), ReplicaRegions=replicas) == {}

    def test_a_replica_needs_a_grant_of_its_own(self):
        replicas = [{"Region": "eu-central-1"}]
        there = "arn:aws:secretsmanager:eu-west-1:*:secret:dev/stripe-??????"
        found = self.check(
            ("1", "eu-west-1"), ("1", "eu-central-1"), there, ReplicaRegions=replicas
        )

        assert found.keys() == {"replica-not-readable"}
        assert "on arn:aws:secretsmanager:eu-central-1:*:secret:dev/stripe-" in str(
            found["replica-not-readable"]
        )


@pytest.mark.parametrize(("timeout", "warned"), [(2, True), (3, False), ({"Ref": "T"}, False)])
def test_a_timeout_that_a_first_fetch_may_exceed(timeout, warned):
    charge = function(SECRET=NAME)
    charge["Properties"]["Timeout"] = timeout

    assert check(Charge=charge).keys() == ({"short-timeout"} if warned else set())


ROUTED = {
    "Table": resource("EC2::RouteTable"),
    "Association": resource(
        "EC2::SubnetRouteTableAssociation",
        SubnetId={"Ref": "Subnet"},
        RouteTableId={"Ref": "Table"},
    ),
}


class TestNetwork:
    ENDPOINT = "com.amazonaws.eu-central-1.secretsmanager"

    def check(self, subnets=({"Ref": "Subnet"},), routed=None, **resources):
        charge = function(SECRET=NAME)
        charge["Properties"]["VpcConfig"] = {"SubnetIds": list(subnets)}
        subnet = resource("EC2::Subnet", VpcId={"Ref": "Vpc"})
        named = {"Subnet": subnet} | (ROUTED if routed is None else routed) | resources
        return check(Charge=charge, **named)

    def test_no_way_out_and_no_endpoint(self):
        found = self.check()

        assert found.keys() == {"no-way-to-secrets-manager"}
        assert not found["no-way-to-secrets-manager"].is_error

    @pytest.mark.parametrize("service", [ENDPOINT, {"Fn::Sub": "com.amazonaws.${R}.x"}])
    def test_an_endpoint(self, service):
        endpoint = resource("EC2::VPCEndpoint", VpcId={"Ref": "Vpc"}, ServiceName=service)

        assert self.check(Endpoint=endpoint) == {}

    def test_an_endpoint_of_another_service_or_of_another_vpc_is_none(self):
        other = resource("EC2::VPCEndpoint", VpcId={"Ref": "Vpc"}, ServiceName="com.amazonaws.x.s3")
        elsewhere = resource("EC2::VPCEndpoint", VpcId="vpc-1", ServiceName=self.ENDPOINT)

        assert "no-way-to-secrets-manager" in self.check(Other=other, Elsewhere=elsewhere)

    def test_a_route_out_or_what_is_not_to_be_seen(self):
        route = resource("EC2::Route", RouteTableId={"Ref": "Table"})

        assert self.check(Route=route) == {}
        assert self.check(routed={}) == {}
        assert self.check(subnets=["subnet-1"]) == {}
        assert self.check(subnets=[{"Ref": "Elsewhere"}]) == {}
        assert self.check(subnets=[]) == {}


class TestSecretsThatPeopleFill:
    def warned(self, **policies):
        stripe = {**secret(NAME), **policies}
        return [one.rule for one in check_secrets(read_templates([template(Stripe=stripe)]))]

    def test_are_lost_with_the_resource_unless_it_is_retained(self):
        retained = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}

        assert self.warned() == ["secret-not-retained"]
        assert self.warned(DeletionPolicy="Retain") == ["secret-not-retained"]
        assert self.warned(**retained) == []
        assert self.warned(**retained | {"DeletionPolicy": "RetainExceptOnCreate"}) == []

    def test_others_are_made_again(self):
        generated = resource("SecretsManager::Secret", GenerateSecretString={})

        assert [*check_secrets(read_templates([template(Stripe=generated)]))] == []


def test_a_variable_that_is_left_out_under_a_condition():
    left_out = {"Fn::If": ["A", NAME, {"Ref": "AWS::NoValue"}]}

    assert as_list(left_out) == [NAME]
    assert check(Charge=function(SECRET=left_out)) == {}
