"""A plan tells what it tells, and what it does not is not called wrong.

``shop.plan.json`` is what ``terraform show -json`` made of a plan with the AWS provider 5.100,
without the parts that nobody reads. Nothing of it was deployed before.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core_backend.deploy import check
from core_backend.deploy.formats import read_templates

PLAN = Path(__file__).with_name("shop.plan.json")
ROLE = "arn:aws:iam::111111111111:role/charge"


@pytest.fixture(scope="module")
def shop():
    return read_templates([PLAN])


def may(read, question):
    return {
        one.path: {key: question(one, value) for key, value in one.environment.items()}
        for one in read.functions
    }


def test_secrets_roles_policies_attachments_and_modules(shop):
    assert may(shop, shop.may_read) == {
        "aws_lambda_function.by_arn": {},
        # The secret's own policy is for a role of another account: it may be this one as well.
        "aws_lambda_function.charge": {"HOOK": None, "STRIPE": True},
        "aws_lambda_function.prefix": {"DATABASE": True, "STRIPE": True},
        "module.worker.aws_lambda_function.worker": {"STRIPE": True},
    }
    assert may(shop, shop.may_decrypt)["aws_lambda_function.prefix"] == {
        "DATABASE": False,
        "STRIPE": True,
    }
    assert may(shop, shop.may_decrypt)["aws_lambda_function.charge"]["HOOK"] is True


def test_variables_of_which_one_is_unknown_are_known_by_what_they_refer_to(shop):
    [by_arn] = [one for one in shop.functions if one.hides_environment]

    assert by_arn.path == "aws_lambda_function.by_arn"
    assert "aws_secretsmanager_secret.stripe" in str(by_arn.properties)


@pytest.fixture
def source(tmp_path):
    (tmp_path / "secret_names.py").write_text(
        "from core_backend import SecretName\n"
        'STRIPE, HOOK, DB = SecretName("stripe"), SecretName("hook"), SecretName("database")'
    )
    (tmp_path / "handler.py").write_text(
        "from core_backend import get_secret\nfrom secret_names import DB, STRIPE\n"
        "def handler(event, context): get_secret(STRIPE), get_secret(DB)"
    )
    return tmp_path


def checked(source, content, function):
    path = source / "plan.json"
    path.write_text(json.dumps(content))
    names = source / "secret_names.py"
    return check(path, names=names, handler=source, function=function)


def test_a_secret_that_only_its_reference_names_and_that_may_not_be_read(source):
    plan = json.loads(PLAN.read_text())
    text = json.dumps(plan).replace("stripe-api-key", "stripe")
    report = checked(source, json.loads(text), "aws_lambda_function.by_arn")
    [stripe, _, database] = report.secrets

    assert (stripe.in_environment, stripe.granted, stripe.gaps) == (None, True, ())
    assert (database.in_environment, database.granted, database.gaps) == (None, None, ())
    assert "only the deployment knows its variables, and so whether DATABASE" in report.unseen[0]

    refused = json.loads(text.replace('["secretsmanager:GetSecretValue"]', '["s3:GetObject"]'))
    [stripe, _, _] = checked(source, refused, "aws_lambda_function.by_arn").secrets
    assert stripe.granted is False
    assert (
        "its environment names the secret 'dev/stripe', which the function may not"
        in (stripe.gaps[0])
    )


def test_a_variable_of_which_only_the_deployment_knows_the_secret_is_not_called_undeclared(source):
    change = {"after_unknown": {"environment": [{"variables": {"STRIPE": True, "DATABASE": True}}]}}
    function = lambda_function(variables={"STAGE": "dev"}, handler="handler.handler")
    function["values"]["runtime"] = "python3.13"
    content = plan(function, changes=[{"address": "aws_lambda_function.f", "change": change}])

    report = checked(source, content, None)

    assert report.ok
    knows = "aws_lambda_function.f: only the deployment knows which secret {} names"
    told = "aws_lambda_function.f: the templates do not tell whether it may read the secret that {}"
    for variable in ("STRIPE", "DATABASE"):
        assert knows.format(variable) in report.unseen
        # So that strict fails.
        assert any(one.startswith(told.format(variable)) for one in report.unseen)


def resource(kind, label="x", /, **values):
    return {"address": f"{kind}.{label}", "type": kind, "values": values}


def plan(*resources, configured=(), changes=()):
    return {
        "planned_values": {"root_module": {"resources": list(resources)}},
        "configuration": {"root_module": {"resources": list(configured)}},
        "resource_changes": list(changes),
    }


def lambda_function(role=ROLE, variables=None, **values):
    environment = [{"variables": variables or {"STRIPE": "dev/stripe"}}]
    return resource("aws_lambda_function", "f", role=role, environment=environment, **values)


STRIPE = resource("aws_secretsmanager_secret", "s", name="dev/stripe", replica=[{"region": "x"}])
CHARGE = resource("aws_iam_role", "r", name="charge")
READS = json.dumps(
    {"Statement": {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}}
)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], False),
        ([resource("aws_iam_role_policy", role="charge", policy=READS)], True),
        (
            [
                resource("aws_iam_policy", policy=READS, arn="arn:p"),
                resource("aws_iam_policy_attachment", roles=["charge"], policy_arn="arn:p"),
            ],
            True,
        ),
        ([resource("aws_iam_role_policy_attachment", role="charge", policy_arn="arn:x")], None),
    ],
)
def test_what_was_deployed_before_is_known_by_its_name(tmp_path, more, expected):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan(lambda_function(), STRIPE, CHARGE, *more)))
    made = read_templates([path])

    assert made.may_read(made.functions[0], "dev/stripe") is expected


def test_a_role_of_others_and_a_policy_that_refers_to_something_unknown(tmp_path):
    unknown = {
        "address": "aws_iam_role_policy.x",
        "expressions": {"policy": {"references": ["local.policy"]}, "role": {"references": []}},
    }
    policy_of_charge = resource("aws_iam_role_policy", role="charge")
    path = tmp_path / "plan.json"
    path.write_text(
        json.dumps(plan(lambda_function(), STRIPE, CHARGE, policy_of_charge, configured=[unknown]))
    )
    made = read_templates([path])
    assert made.may_read(made.functions[0], "dev/stripe") is None

    path.write_text(json.dumps(plan(lambda_function("arn:aws:iam::1:role/theirs"), STRIPE)))
    made = read_templates([path])
    assert made.may_read(made.functions[0], "dev/stripe") is None


def test_the_code_is_what_the_plan_zips(tmp_path):
    (tmp_path / "src").mkdir()
    archive = resource("archive_file", source_dir="src", output_path="code.zip")
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan(lambda_function(filename="code.zip"), archive)))

    assert read_templates([path]).functions[0].code == tmp_path / "src"


@pytest.mark.parametrize("hidden", [{"variables": {"STRIPE": True}}, {"variables": {"A": True}}])
def test_one_unknown_variable_is_the_one_secret_that_is_referred_to(tmp_path, hidden):
    references = {"references": ["aws_secretsmanager_secret.s.arn", "aws_iam_role.r"]}
    configured = {
        "address": "aws_lambda_function.f",
        "expressions": {"environment": [{"variables": references}]},
    }
    change = {
        "address": "aws_lambda_function.f",
        "change": {"after_unknown": {"environment": [hidden]}},
    }
    path = tmp_path / "plan.json"
    content = plan(
        lambda_function(variables={"LEVEL": "INFO"}),
        STRIPE,
        CHARGE,
        configured=[configured],
        changes=[change],
    )
    path.write_text(json.dumps(content))

    environment = read_templates([path]).functions[0].environment

    [unknown] = hidden["variables"]
    assert environment == {"LEVEL": "INFO", unknown: {"Ref": "aws_secretsmanager_secret.s"}}
