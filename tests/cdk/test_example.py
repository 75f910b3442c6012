"""The example is synthesized, judged, and run: the whole guide, without an AWS account."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks
from support.stacks import run_app

from core_backend.cdk import check
from core_backend.deploy.layer import interpreter_for
from core_backend.testing import http_api_event
from core_backend.testing.local_lambda import LocalLambda
from core_backend.testing.moto_server import MotoServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "charges"
CHARGE = http_api_event("POST", "/charges", body={"amount": 1200})
# The layer is bytecode for the Python of the function, and no other loads it.
RUNS_THE_LAYER = sys.version_info[:2] == (3, 14) or interpreter_for("3.14") is None


def of_type(template, kind):
    return {
        key: resource
        for key, resource in template["Resources"].items()
        if resource["Type"] == f"AWS::{kind}"
    }


def properties(template, kind):
    return [resource["Properties"] for resource in of_type(template, kind).values()]


@pytest.fixture(scope="module")
def stack():
    """Import the example as its app does: from its own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLE))
        yield importlib.import_module("stack")
        for name in ("stack", "secret_names"):
            sys.modules.pop(name)


def synthesized(stack, folder):
    app = App(outdir=str(folder), analytics_reporting=False)
    for env_name in ("dev", "prod"):
        stack.ChargesStack(app, f"Charges-{env_name}", env_name=env_name)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    assembly = app.synth()
    return SimpleNamespace(
        folder=folder,
        dev=assembly.get_stack_by_name("Charges-dev").template,
        prod=assembly.get_stack_by_name("Charges-prod").template,
    )


@pytest.fixture(scope="module")
def app(stack, tmp_path_factory):
    return synthesized(stack, tmp_path_factory.mktemp("cdk.out"))


@pytest.mark.parametrize("env_name", ["dev", "prod"])
def test_each_environment_has_secrets_of_its_own_and_all_but_one_are_empty(app, env_name):
    template = getattr(app, env_name)

    assert properties(template, "SecretsManager::Secret") == [
        {"Name": f"{env_name}/stripe-api-key"},
        {"Name": f"{env_name}/webhook-signing-key"},
        {"Name": f"{env_name}/database-password", "GenerateSecretString": {}},
    ]
    [function] = properties(template, "Lambda::Function")
    assert function["Environment"]["Variables"] == {
        "STRIPE_API_KEY": f"{env_name}/stripe-api-key",
        "WEBHOOK_SIGNING_KEY": f"{env_name}/webhook-signing-key",
        "DATABASE_PASSWORD": f"{env_name}/database-password",
    }


@pytest.mark.parametrize("env_name", ["dev", "prod"])
def test_the_function_may_read_exactly_these_secrets_and_no_more(app, env_name):
    template = getattr(app, env_name)

    [policy] = properties(template, "IAM::Policy")
    [role] = properties(template, "IAM::Role")
    secrets = {
        (resource["Ref"], tuple(statement["Action"]))
        for statement in policy["PolicyDocument"]["Statement"]
        if (resource := statement["Resource"]) != "*"
    }
    [anywhere] = [
        statement
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Resource"] == "*"
    ]
    assert secrets == {
        (key, ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"))
        for key in of_type(template, "SecretsManager::Secret")
    }
    assert anywhere["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    assert len(policy["PolicyDocument"]["Statement"]) == 4
    assert "service-role/AWSLambdaBasicExecutionRole" in json.dumps(role["ManagedPolicyArns"])
    assert len(role["ManagedPolicyArns"]) == 1


def test_the_api_has_one_route_for_signed_requests(app):
    [route] = properties(app.dev, "ApiGatewayV2::Route")

    assert route["RouteKey"] == "POST /charges"
    assert route["AuthorizationType"] == "AWS_IAM"


def test_the_rules_of_cdk_nag_find_what_is_accepted_with_a_reason_and_nothing_else(
    stack, app, tmp_path, monkeypatch
):
    # With the reasons it has passed: app is synthesized under these rules.
    assert json.loads((app.folder / "validation-report.json").read_text())["pluginReports"] == []
    assert all(stack.ACCEPTED.values())
    accepted = stack.ACCEPTED
    monkeypatch.setattr(stack, "ACCEPTED", {})
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        synthesized(stack, tmp_path)
    [report] = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    assert {violation["ruleName"] for violation in report["violations"]} == accepted.keys()


@pytest.mark.parametrize(
    ("context", "name"), [({}, "Charges-dev"), ({"env": "prod"}, "Charges-prod")]
)
def test_the_app_is_one_environment_by_context(tmp_path, context, name):
    done = run_app(EXAMPLE / "app.py", tmp_path, context)

    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.glob("*.template.json")] == [f"{name}.template.json"]


def code_of(app):
    """Return the folders that would be deployed: the function's code, and its layer."""
    found = [path for path in app.folder.iterdir() if path.name.startswith("asset.")]
    [layer] = [path for path in found if (path / "python").is_dir()]
    [code] = [path for path in found if path != layer]
    return code, layer


def test_the_functions_code_is_the_handler_and_its_names(app):
    code, _ = code_of(app)

    assert sorted(path.name for path in code.iterdir()) == ["handler.py", "secret_names.py"]


@pytest.mark.parametrize("env_name", ["dev", "prod"])
def test_the_check_finds_nothing_missing_and_nothing_to_spare(app, env_name):
    code, _ = code_of(app)

    report = check(getattr(app, env_name), names=code / "secret_names.py", handler=code)

    assert report.ok
    assert [(one.real_name, one.granted) for one in report.secrets] == [
        (f"{env_name}/stripe-api-key", True),
        (f"{env_name}/database-password", True),
        (f"{env_name}/webhook-signing-key", True),
    ]
    assert (report.unused, report.unnamed, report.unseen) == ((), (), ())


def deploy(template, client):
    """Create what the template declares, as CloudFormation would."""
    for secret in properties(template, "SecretsManager::Secret"):
        if "GenerateSecretString" in secret:
            password = client.get_random_password()["RandomPassword"]
            client.create_secret(Name=secret["Name"], SecretString=password)
        else:
            client.create_secret(Name=secret["Name"])


def running(app, server):
    """Return the function as it would be deployed: its code, its layer, its environment."""
    code, layer = code_of(app)
    [function] = properties(app.dev, "Lambda::Function")
    environment = server.env | function["Environment"]["Variables"]
    if RUNS_THE_LAYER:
        environment["PYTHONPATH"] = str(layer / "python")
    return LocalLambda(function["Handler"], code, env=environment)


def test_the_circle_closes(app):
    names = {"dev/stripe-api-key", "dev/webhook-signing-key", "dev/database-password"}
    with MotoServer() as server:
        client = server.client()
        deploy(app.dev, client)

        with running(app, server) as function:
            empty = function.invoke(CHARGE)
        client.put_secret_value(SecretId="dev/stripe-api-key", SecretString="pl4nted-stripe-cdk")
        client.put_secret_value(SecretId="dev/webhook-signing-key", SecretString="pl4nted-hook-cdk")
        fetched = len(server.fetches)
        with running(app, server) as function:
            filled = function.invoke(CHARGE)
        fetches = server.fetches[fetched:]

    assert empty.error.type == "SecretsFailedError"
    assert empty.error.message.count("SecretNotSetError") == 2
    assert "dev/stripe-api-key" in empty.error.message
    assert "dev/webhook-signing-key" in empty.error.message
    assert "dev/database-password" not in empty.error.message
    assert filled.payload["statusCode"] == 200
    assert json.loads(filled.payload["body"])["charged"] == 1200
    assert sorted(fetches) == sorted(names)
