"""A plain name is looked up in the function's own account and Region: elsewhere it is refused."""

from __future__ import annotations

import pytest
from aws_cdk import App, Environment, Stack, aws_lambda, aws_secretsmanager
from support.stacks import refusal, template_of

from core_backend.cdk import Secret, make_function
from core_backend.names import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")
HERE = {"account": "111111111111", "region": "eu-central-1"}
ELSEWHERE = HERE | {"region": "eu-west-1"}
THEIRS = HERE | {"account": "222222222222"}


def stacks(tmp_path, home, here=HERE):
    app = App(outdir=str(tmp_path / "cdk.out"), analytics_reporting=False)
    return tuple(
        Stack(app, name, env=env and Environment(**env), cross_region_references=bool(env))
        for name, env in (("Secrets", home), ("Charges", here))
    )


def charge(stack, value, secret=None):
    function = make_function(
        stack,
        "Charge",
        handler="index.handler",
        code=aws_lambda.Code.from_inline("handler = print"),
        environment={STRIPE_API_KEY: value},
    )
    if secret is not None:
        function.grant_read(secret)


@pytest.mark.parametrize(
    ("home", "shown"),
    [
        (ELSEWHERE, "in account 111111111111 and Region eu-west-1, but"),
        (THEIRS, "in account 222222222222 and Region eu-central-1, but"),
        ({"region": "eu-west-1"}, "in account of the deployment and Region eu-west-1, but"),
    ],
)
def test_a_plain_name_of_elsewhere_is_refused_with_what_works(tmp_path, home, shown):
    there, here = stacks(tmp_path, home)
    secret = Secret(there, STRIPE_API_KEY, env_name="dev")
    charge(here, secret.secret_name)

    message = refusal(here)
    assert "[Charges/Charge] the environment variable STRIPE_API_KEY names the secret" in message
    assert shown in message
    assert "in CDK environment={NAME: secret.secret_arn}, with cross_region_references" in message


def test_the_full_arn_is_fine(tmp_path):
    there, here = stacks(tmp_path, ELSEWHERE)
    secret = Secret(there, STRIPE_API_KEY, env_name="dev")
    charge(here, secret.secret_arn, secret)

    assert template_of(here)


def test_a_replica_is_found_by_the_plain_name(tmp_path):
    there, here = stacks(tmp_path, ELSEWHERE)
    replica = aws_secretsmanager.ReplicaRegion(region="eu-central-1")
    secret = Secret(there, STRIPE_API_KEY, env_name="dev", replica_regions=[replica])
    charge(here, secret.secret_name, secret)

    assert template_of(here)


def test_a_secret_of_the_same_name_in_each_region_is_fine(tmp_path):
    there, here = stacks(tmp_path, ELSEWHERE)
    Secret(there, STRIPE_API_KEY, env_name="dev")
    secret = Secret(here, STRIPE_API_KEY, env_name="dev")
    charge(here, secret.secret_name, secret)

    assert template_of(here)


def test_what_only_the_deployment_knows_is_not_judged(tmp_path):
    there, here = stacks(tmp_path, None, None)
    secret = Secret(there, STRIPE_API_KEY, env_name="dev")
    charge(here, secret.secret_name, secret)

    assert template_of(here)
