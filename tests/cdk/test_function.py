"""A function takes its secrets by name, and comes with defaults that can be overridden."""

from __future__ import annotations

import pytest
from aws_cdk import App, Duration, Stack, aws_lambda, aws_logs, aws_secretsmanager
from aws_cdk.assertions import Match, Template
from support.stacks import new_stack, template_of

from core_backend.cdk import Function, Secret, make_function
from core_backend.errors import ConfigurationError
from core_backend.names import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")
WEBHOOK_KEY = SecretName("webhook-key")
CODE = {"handler": "handler.handler", "code": aws_lambda.Code.from_inline("handler = print")}


def function_in(stack: Stack) -> dict:
    resources = template_of(stack)["Resources"].values()
    [function] = [one for one in resources if one["Type"] == "AWS::Lambda::Function"]
    return function["Properties"]


def test_the_guide_reads_as_it_is_written(tmp_path):
    stack = new_stack(tmp_path)
    stripe_key = Secret(stack, STRIPE_API_KEY, env_name="dev")

    charge = make_function(
        stack, "Charge", **CODE, environment={STRIPE_API_KEY: stripe_key.secret_name}
    )
    charge.grant_read(stripe_key)

    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::Lambda::Function",
        {"Environment": {"Variables": {"STRIPE_API_KEY": "dev/stripe-api-key"}}},
    )
    [secret_id] = template.find_resources("AWS::SecretsManager::Secret")
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    assert policy["Properties"]["PolicyDocument"]["Statement"] == [
        {
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            "Effect": "Allow",
            "Resource": "*",
        },
        {
            "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            "Effect": "Allow",
            "Resource": {"Ref": secret_id},
        },
    ]


def test_secrets_is_environment_and_grant_at_once(tmp_path):
    stack = new_stack(tmp_path)
    named = [Secret(stack, name, env_name="dev") for name in (STRIPE_API_KEY, WEBHOOK_KEY)]

    make_function(stack, "Charge", **CODE, secrets=named, environment={"TZ": "UTC"})

    assert function_in(stack)["Environment"]["Variables"] == {
        "TZ": "UTC",
        "STRIPE_API_KEY": "dev/stripe-api-key",
        "WEBHOOK_KEY": "dev/webhook-key",
    }
    Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like({"Resource": {"Ref": stack.get_logical_id(cfn)}})
                        for cfn in (one.node.default_child for one in named)
                    ]
                )
            }
        },
    )


def test_a_secret_that_carries_no_declared_name_is_refused_with_what_takes_it(tmp_path):
    stack = new_stack(tmp_path)
    imported = aws_secretsmanager.Secret.from_secret_name_v2(stack, "Theirs", "shared/key")

    with pytest.raises(
        ConfigurationError,
        match=r"^Charges/Charge: .*pass environment=\{NAME: secret.secret_name\} and call",
    ):
        make_function(stack, "Charge", **CODE, secrets=[imported])


def test_the_ordinary_grant_works_as_ever(tmp_path):
    stack = new_stack(tmp_path)
    ordinary = aws_secretsmanager.Secret(stack, "Ordinary", secret_name="dev/stripe-api-key")
    charge = make_function(
        stack, "Charge", **CODE, environment={STRIPE_API_KEY: ordinary.secret_name}
    )

    grant = ordinary.grant_read(charge)

    assert grant.success
    assert "STRIPE_API_KEY" in function_in(stack)["Environment"]["Variables"]


def test_a_variable_can_be_added_later_under_a_secrets_name(tmp_path):
    stack = new_stack(tmp_path)
    stripe_key = Secret(stack, STRIPE_API_KEY, env_name="dev")
    charge = Function(stack, "Charge", runtime=aws_lambda.Runtime.PYTHON_3_13, **CODE)

    chained = charge.add_environment(STRIPE_API_KEY, stripe_key.secret_name)
    charge.grant_read(stripe_key)

    assert chained is charge
    assert function_in(stack)["Environment"]["Variables"] == {
        "STRIPE_API_KEY": "dev/stripe-api-key"
    }


def test_the_defaults_suit_a_python_handler(tmp_path):
    stack = new_stack(tmp_path)

    make_function(stack, "Charge", **CODE)

    properties = function_in(stack)
    template = Template.from_stack(stack)
    [log_group] = template.find_resources(
        "AWS::Logs::LogGroup", {"Properties": {"RetentionInDays": 30}}
    )
    assert properties["Runtime"] == "python3.14"
    assert properties["Architectures"] == ["arm64"]
    assert properties["MemorySize"] == 512
    assert properties["Timeout"] == 30
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert properties["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": log_group}}
    assert "Environment" not in properties


def test_each_default_can_be_overridden(tmp_path):
    stack = new_stack(tmp_path)

    make_function(
        stack,
        "Charge",
        **CODE,
        runtime=aws_lambda.Runtime.PYTHON_3_12,
        architecture=aws_lambda.Architecture.X86_64,
        memory_size=1024,
        timeout=Duration.seconds(5),
        tracing=None,
        logging_format=aws_lambda.LoggingFormat.TEXT,
        log_group=aws_logs.LogGroup(stack, "Own", log_group_name="own"),
    )

    properties = function_in(stack)
    assert properties["Runtime"] == "python3.12"
    assert properties["Architectures"] == ["x86_64"]
    assert properties["MemorySize"] == 1024
    assert properties["Timeout"] == 5
    assert "TracingConfig" not in properties
    assert properties["LoggingConfig"]["LogFormat"] == "Text"
    Template.from_stack(stack).resource_count_is("AWS::Logs::LogGroup", 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_older_property_for_the_log_format_is_not_contradicted(tmp_path):
    stack = new_stack(tmp_path)

    make_function(stack, "Charge", **CODE, log_format="Text")

    assert function_in(stack)["LoggingConfig"]["LogFormat"] == "Text"


def test_entry_is_the_folder_with_the_code_and_bytecode_does_not_change_it(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    (source / "handler.py").write_text("handler = print")

    def key(run: str) -> str:
        stack = Stack(App(outdir=str(tmp_path / run), analytics_reporting=False), "Charges")
        make_function(stack, "Charge", entry=source, handler="handler.handler")
        return function_in(stack)["Code"]["S3Key"]

    before = key("first")
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "handler.cpython-313.pyc").write_bytes(b"1")
    assert key("second") == before

    (source / "handler.py").write_text("handler = repr")
    assert key("third") != before


def test_parts_of_entry_can_be_left_out(tmp_path):
    source = tmp_path / "src"
    for name in ("handler.py", "stack.py", "tests/test_handler.py", "cdk.out/manifest.json"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("handler = print")
    stack = new_stack(tmp_path)

    make_function(
        stack, "Charge", entry=source, exclude=["stack.py", "tests"], handler="handler.handler"
    )
    template_of(stack)

    [asset] = [path for path in (tmp_path / "cdk.out").iterdir() if path.name[:6] == "asset."]
    assert [path.name for path in asset.rglob("*")] == ["handler.py"]


def test_entry_is_looked_up_where_python_is(tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "handler.py").write_text("handler = print")
    stack = new_stack(tmp_path)
    monkeypatch.chdir(tmp_path)

    make_function(stack, "Charge", entry="src", handler="handler.handler")

    assert function_in(stack)["Code"]["S3Key"]


@pytest.mark.parametrize("code", [{}, {"entry": "src", "code": CODE["code"]}])
def test_the_code_is_given_exactly_once(tmp_path, code):
    with pytest.raises(ConfigurationError, match=r"Charges/Charge: .*entry='src'"):
        make_function(new_stack(tmp_path), "Charge", handler="handler.handler", **code)
