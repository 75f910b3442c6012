"""Real names out of a deployed function's variables, or out of a template's."""

from __future__ import annotations

import json

import pytest

OPTIONS = ("--names", "names.py")
STATUS = ("secrets", "status", *OPTIONS, "--output", "json")
PLACE = "account 123456789012, eu-west-1"


@pytest.fixture(autouse=True)
def _module(declare, stdin):
    """Two names, and nothing on standard input."""


def names_of(result):
    """Return the real name of each secret that the command shows."""
    return {one["name"]: one["secret"] for one in json.loads(result.out)}


def function(**variables):
    """Return a function of a template."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Handler": "a.b", "Environment": {"Variables": variables}},
    }


@pytest.fixture
def template(tmp_path):
    """Write a template with two secrets, one of which has a name of its own."""

    def write(*functions):
        resources = {
            "Stripe": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "eu/stripe"}},
            "Database": {"Type": "AWS::SecretsManager::Secret", "Properties": {}},
            **{f"Function{number}": one for number, one in enumerate(functions)},
        }
        path = tmp_path / "template.json"
        path.write_text(json.dumps({"Resources": resources}))
        return path

    return write


def test_a_function_tells_the_real_names_of_the_secrets_it_uses(account, deploy_function, run):
    arn = account.client().create_secret(Name="rds!db-1", SecretString="pl4nted")["ARN"]
    deploy_function("charge", STRIPE_API_KEY=arn, OTHER="x")

    result = run(*STATUS, "--from-function", "charge")

    assert result.code == 0
    assert names_of(result) == {"stripe-api-key": arn}
    assert run(*STATUS[:-2], "--from-function", "charge").err == (
        "\nNot used by function charge: signing-key\n"
    )


def test_a_value_is_set_under_the_real_name_that_the_function_has(
    account, deploy_function, run, stdin
):
    account.client().create_secret(Name="legacy-stripe")
    deploy_function("charge", STRIPE_API_KEY="legacy-stripe")
    stdin("pl4nted")

    result = run("secrets", "set", "stripe-api-key", *OPTIONS, "--from-function", "charge")

    assert result.code == 0
    assert account.value_of("legacy-stripe") == "pl4nted"


def test_a_secret_that_the_function_does_not_use_cannot_be_set(deploy_function, run, stdin):
    deploy_function("charge", STRIPE_API_KEY="x")
    stdin("pl4nted")

    result = run("secrets", "set", "signing-key", *OPTIONS, "--from-function", "charge")

    assert result.code == 1
    assert result.err == (
        "Error: function charge does not have the variable of each secret "
        "(signing-key: SIGNING_KEY)\nDeploy a function that has it, or pass --env.\n"
    )


def test_an_unknown_function_is_named_with_account_and_region(account, run):
    result = run(*STATUS, "--from-function", "refund")

    assert result.code == 1
    assert f"function refund does not exist in {PLACE}" in result.err


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "the variables of function charge cannot be read (AccessDenied"),
        ("ExpiredTokenException", "AWS refused the credentials (ExpiredTokenException)"),
    ],
)
def test_a_function_that_may_not_be_read_is_an_error(account, run, code, said):
    account.refuse_path("/functions/charge/configuration", code)

    result = run(*STATUS, "--from-function", "charge")

    assert result.code == 1
    assert said in result.err


def test_a_template_tells_real_names(account, run, template):
    path = template(
        function(STRIPE_API_KEY={"Ref": "Stripe"}, OTHER="x"), function(SIGNING_KEY="eu/signing")
    )

    result = run(*STATUS, "--from-template", path)

    assert names_of(result) == {"stripe-api-key": "eu/stripe", "signing-key": "eu/signing"}
    assert run(*STATUS[:-2], "--from-template", path).err.endswith(
        f"\nMissing in {PLACE}: eu/stripe, eu/signing\n"
        "Deploy the stack that creates them, or check --env, --region and --profile.\n"
    )


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        (
            [function(STRIPE_API_KEY={"Ref": "Database"})],
            "leaves the real name of stripe-api-key to the deployment",
        ),
        (
            [function(STRIPE_API_KEY={"Ref": "Parameter"})],
            "to the deployment\nDeploy it, and pass --from-function.",
        ),
        (
            [function(STRIPE_API_KEY={"Ref": "Stripe"}), function(STRIPE_API_KEY="us/stripe")],
            "has several real names for stripe-api-key: eu/stripe, us/stripe",
        ),
        ([function(STRIPE_API_KEY="not a name")], "STRIPE_API_KEY: the secret id 'not a name'"),
    ],
)
def test_a_template_that_does_not_tell_a_real_name_is_an_error(
    account, run, template, functions, said
):
    result = run(*STATUS, "--from-template", template(*functions))

    assert result.code == 1
    assert said in result.err


def test_the_proposed_command_repeats_where_the_real_names_come_from(
    account, deploy_function, run, template
):
    account.client().create_secret(Name="eu/stripe")
    deploy_function("charge", STRIPE_API_KEY="eu/stripe")
    path = template(function(STRIPE_API_KEY={"Ref": "Stripe"}))

    for option in (("--from-function", "charge"), ("--from-template", str(path))):
        result = run(*STATUS[:-2], *option)
        assert result.err.splitlines()[-1] == (
            f"Fill the next one: core-backend secrets set stripe-api-key --names names.py "
            f"{' '.join(option)}"
        )


def test_the_options_exclude_each_other(run, template):
    result = run(*STATUS, "--env", "dev", "--from-template", template())

    assert result.code == 2
    assert "--env, --from-template and --from-function exclude each other" in result.err


def test_a_default_environment_gives_way(account, deploy_function, run, monkeypatch):
    monkeypatch.setenv("CORE_BACKEND_ENV", "dev")
    deploy_function("charge", STRIPE_API_KEY="legacy-stripe")

    assert names_of(run(*STATUS, "--from-function", "charge")) == {
        "stripe-api-key": "legacy-stripe"
    }
