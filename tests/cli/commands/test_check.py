"""``check``: a step of a pipeline that fails if the code would not get a secret."""

from __future__ import annotations

import json

import pytest

NOT_READABLE = (
    "Charge: the environment variable STRIPE_API_KEY names the secret 'dev/stripe-api-key', which "
    "the function may not read; allow it secretsmanager:GetSecretValue on that secret, in CDK "
    "with function.grant_read(secret)"
)
CHECK = ("check", "--template", "template.json", "--names", "names.py", "--handler", "handler.py")


@pytest.fixture(autouse=True)
def _service(declare):
    """A handler that uses one secret of two."""
    declare(
        """
        from core_backend import async_handler, get_env, get_secret
        from names import STRIPE_API_KEY

        @async_handler
        async def handler(event, context):
            await get_secret(get_env(STRIPE_API_KEY))
        """,
        "handler.py",
    )


@pytest.fixture
def template(tmp_path):
    """Write a template whose function has the secret, granted or not."""

    def write(*, granted):
        properties = {"Name": "dev/stripe-api-key"}
        secret = {"Type": "AWS::SecretsManager::Secret", "Properties": properties}
        statement = {
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": {"Ref": "Stripe"},
        }
        policy = {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {"Statement": [statement] if granted else []},
            },
        }
        function = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "handler.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Environment": {"Variables": {"STRIPE_API_KEY": {"Ref": "Stripe"}}},
            },
        }
        role = {"Type": "AWS::IAM::Role", "Properties": {}}
        resources = {"Stripe": secret, "Policy": policy, "Charge": function, "Role": role}
        (tmp_path / "template.json").write_text(json.dumps({"Resources": resources}))

    return write


def test_no_gap_is_exit_code_0(run, template):
    template(granted=True)

    result = run(*CHECK)

    assert (result.code, result.err) == (0, "")
    assert "stripe-api-key" in result.out
    assert "Wrong" not in result.out
    assert "Declared, but not used by this code:\n  signing-key" in result.out


def test_a_gap_is_exit_code_1(run, template):
    template(granted=False)

    result = run(*CHECK)

    assert (result.code, result.err) == (1, "")
    assert f"Wrong:\n  stripe-api-key: {NOT_READABLE}\n" in result.out


def test_json_output_has_the_same_report(run, template):
    template(granted=False)

    result = run(*CHECK, "--output", "json", "--function", "Charge")

    assert result.code == 1
    report = json.loads(result.out)
    assert report["ok"] is False
    assert report["unused"] == ["signing-key"]
    assert report["unnamed"] == []
    assert report["unseen"] == []
    [stripe, _] = report["secrets"]
    assert stripe["name"] == "stripe-api-key"
    assert stripe["used_at"] == ["handler.py:7"]
    assert stripe["granted"] is False
    assert stripe["gaps"] == [NOT_READABLE]
    assert report["faults"] == report["warnings"] == []


def test_an_external_secret_is_not_a_gap(run, template, tmp_path):
    template(granted=True)
    text = (tmp_path / "template.json").read_text().replace("SecretsManager::Secret", "Other")
    (tmp_path / "template.json").write_text(text)

    result = run(*CHECK)
    assert result.code == 0
    assert "if it is declared elsewhere, pass --external stripe-api-key" in result.out
    assert run(*CHECK, "--strict").code == 1
    result = run(*CHECK, "--strict", "--external", "stripe-api-key")
    assert (result.code, "declared elsewhere" in result.out) == (0, False)


def test_an_unknown_function_is_refused(run, template):
    template(granted=True)

    result = run(*CHECK, "--function", "Refund")

    assert result.code == 1
    assert "no function of the template is Refund; it has: Charge (handler.handler)" in result.err
