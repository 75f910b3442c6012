"""A declared secret is named by its declaration and holds nothing until somebody fills it."""

from __future__ import annotations

import pytest
from aws_cdk import CfnParameter, Fn, RemovalPolicy, SecretValue, Token, aws_kms, aws_secretsmanager
from support.stacks import new_stack, template_of

from core_backend import cdk
from core_backend.cdk import Secret, get_resource_name
from core_backend.errors import ConfigurationError, InvalidSecretNameError
from core_backend.names import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")


def secrets_in(template: dict) -> list[dict]:
    resources = template["Resources"].values()
    return [one for one in resources if one["Type"] == "AWS::SecretsManager::Secret"]


def test_what_the_package_offers_is_sorted_and_there():
    assert cdk.__all__ == sorted(cdk.__all__)
    assert all(hasattr(cdk, name) for name in cdk.__all__)


def test_a_secret_is_created_empty_under_its_real_name(tmp_path):
    stack = new_stack(tmp_path)

    secret = Secret(stack, STRIPE_API_KEY, env_name="dev")

    assert [one["Properties"] for one in secrets_in(template_of(stack))] == [
        {"Name": "dev/stripe-api-key"}
    ]
    assert secret.node.path == "Charges/stripe-api-key"
    assert secret.declared_name is STRIPE_API_KEY


def test_the_real_name_may_be_given_instead(tmp_path):
    stack = new_stack(tmp_path)

    secret = Secret(stack, STRIPE_API_KEY, secret_name=get_resource_name(STRIPE_API_KEY, "prod"))

    assert secret.secret_name == "prod/stripe-api-key"
    assert secrets_in(template_of(stack))[0]["Properties"] == {"Name": "prod/stripe-api-key"}


def test_a_real_name_that_only_the_deployment_knows_is_kept_as_it_is(tmp_path):
    stack = new_stack(tmp_path)
    token = Fn.import_value("SharedSecretName")

    secret = Secret(stack, STRIPE_API_KEY, secret_name=token)

    assert Token.is_unresolved(secret.secret_name)
    name = secrets_in(template_of(stack))[0]["Properties"]["Name"]
    assert name == {"Fn::ImportValue": "SharedSecretName"}


def test_a_password_is_generated_on_request_only(tmp_path):
    stack = new_stack(tmp_path)

    Secret(stack, STRIPE_API_KEY, env_name="dev", generate=True)

    assert secrets_in(template_of(stack))[0]["Properties"]["GenerateSecretString"] == {}


@pytest.mark.parametrize("generate", [False, True])
def test_a_generator_that_is_given_is_used(tmp_path, generate):
    stack = new_stack(tmp_path)
    generator = aws_secretsmanager.SecretStringGenerator(password_length=20)

    Secret(
        stack,
        STRIPE_API_KEY,
        env_name="dev",
        generate=generate,
        generate_secret_string=generator,
    )

    made = secrets_in(template_of(stack))[0]["Properties"]["GenerateSecretString"]
    assert made == {"PasswordLength": 20}


def test_a_value_that_is_given_is_used(tmp_path):
    stack = new_stack(tmp_path)
    value = SecretValue.unsafe_plain_text("not-for-real")

    Secret(stack, STRIPE_API_KEY, env_name="dev", secret_string_value=value)

    properties = secrets_in(template_of(stack))[0]["Properties"]
    assert properties == {"Name": "dev/stripe-api-key", "SecretString": "not-for-real"}


def test_two_sources_of_the_first_value_are_refused(tmp_path):
    stack = new_stack(tmp_path)
    value = SecretValue.unsafe_plain_text("not-for-real")

    with pytest.raises(ConfigurationError, match=r"Charges/stripe-api-key.*generate=True"):
        Secret(stack, STRIPE_API_KEY, env_name="dev", generate=True, secret_string_value=value)


@pytest.mark.parametrize("names", [{}, {"env_name": "dev", "secret_name": "dev/stripe-api-key"}])
def test_the_real_name_is_given_exactly_once(tmp_path, names):
    with pytest.raises(ConfigurationError, match=r"Charges/stripe-api-key.*env_name='dev'"):
        Secret(new_stack(tmp_path), STRIPE_API_KEY, **names)


def test_an_illegal_real_name_is_refused_at_once(tmp_path):
    with pytest.raises(InvalidSecretNameError, match="' !'"):
        Secret(new_stack(tmp_path), STRIPE_API_KEY, secret_name="not legal!")


def test_an_illegal_environment_is_refused_with_the_path(tmp_path):
    with pytest.raises(
        InvalidSecretNameError, match=r"^Charges/stripe-api-key: .*'de v'.*pass another env_name"
    ):
        Secret(new_stack(tmp_path), STRIPE_API_KEY, env_name="de v")


def test_an_environment_that_only_the_deployment_knows_is_refused_with_what_takes_it(tmp_path):
    stack = new_stack(tmp_path)
    env_name = CfnParameter(stack, "Env").value_as_string

    with pytest.raises(
        ConfigurationError,
        match=r'^Charges/stripe-api-key: .*pass secret_name=f"{env_name}/stripe-api-key", which',
    ):
        Secret(stack, STRIPE_API_KEY, env_name=env_name)


def test_all_other_properties_pass_through(tmp_path):
    stack = new_stack(tmp_path)

    Secret(
        stack,
        STRIPE_API_KEY,
        env_name="dev",
        description="The key of our Stripe account",
        encryption_key=aws_kms.Key(stack, "Key"),
        removal_policy=RemovalPolicy.RETAIN,
        replica_regions=[aws_secretsmanager.ReplicaRegion(region="eu-west-1")],
    )

    [secret] = secrets_in(template_of(stack))
    assert secret["DeletionPolicy"] == "Retain"
    assert secret["Properties"]["Description"] == "The key of our Stripe account"
    assert secret["Properties"]["ReplicaRegions"] == [{"Region": "eu-west-1"}]
    assert secret["Properties"]["KmsKeyId"]["Fn::GetAtt"][1] == "Arn"
