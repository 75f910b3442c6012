"""One look at the whole app: any function is checked, and what is right is not refused."""

from __future__ import annotations

import sys

import pytest
from aws_cdk import (
    Acknowledgment,
    App,
    CfnCondition,
    Environment,
    Fn,
    NestedStack,
    RemovalPolicy,
    SecretValue,
    Stack,
    Stage,
    Token,
    Validations,
    aws_ec2,
    aws_ecr,
    aws_iam,
    aws_lambda,
    aws_rds,
    aws_secretsmanager,
)
from support.stacks import findings, new_stack, refusal, template_of, warnings_of

from core_backend.cdk import Secret, check_functions, make_function
from core_backend.names import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")
KEY = STRIPE_API_KEY.env_key
HERE = {"account": "111111111111", "region": "eu-central-1"}
HANDLER = """
from core_backend import async_handler, get_env, get_secret
from secret_names import STRIPE_API_KEY

@async_handler
async def handler(event, context):
    await get_secret(get_env(STRIPE_API_KEY))
"""


def native(stack, name, **props):
    """Make a function that nothing of ours has made."""
    options = {
        "runtime": aws_lambda.Runtime.PYTHON_3_14,
        "handler": "index.handler",
        "code": aws_lambda.Code.from_inline("handler = print"),
    }
    return aws_lambda.Function(stack, name, **(options | props))


def secret_of(stack, construct_id="Stripe", name="dev/stripe-api-key", **props):
    return aws_secretsmanager.Secret(stack, construct_id, secret_name=name, **props)


def lines(text):
    return sorted(line.partition(";")[0] for line in text.splitlines())


class TestAnyFunction:
    def test_what_its_environment_names_and_it_may_not_read(self, tmp_path):
        stack = new_stack(tmp_path)
        check_functions(stack)
        check_functions(stack.node.root)
        secret = secret_of(stack)
        native(stack, "ByName", environment={KEY: "dev/stripe-api-key"})
        native(stack, "ByArn", environment={KEY: secret.secret_arn})
        repository = aws_ecr.Repository.from_repository_name(stack, "Images", "images")
        aws_lambda.DockerImageFunction(
            stack,
            "Image",
            code=aws_lambda.DockerImageCode.from_ecr(repository),
            environment={KEY: secret.secret_name},
        )

        not_readable = (
            f"the environment variable {KEY} names the secret 'dev/stripe-api-key', which the "
            f"function may not read"
        )
        assert lines(refusal(stack)) == [
            f"[Charges/{name}] {not_readable}" for name in ("ByArn", "ByName", "Image")
        ]

    def test_what_lambda_does_not_allow_and_a_value_in_plain_text(self, tmp_path):
        stack = new_stack(tmp_path)
        check_functions(stack)
        native(stack, "Key", environment={STRIPE_API_KEY: "dev/stripe-api-key"})
        value = SecretValue.secrets_manager("dev/stripe-api-key").unsafe_unwrap()
        native(stack, "Value", environment={KEY: value})

        message = refusal(stack)
        assert "[Charges/Key] Lambda does not allow the environment variable 'stripe-api-key'" in (
            message
        )
        assert "use NAME.env_key of its SecretName" in message
        assert f"[Charges/Value] the environment variable {KEY} gets the value of a secret" in (
            message
        )

    def test_a_grant_that_no_variable_names_may_be_meant(self, tmp_path):
        stack = new_stack(tmp_path)
        check_functions(stack)
        secret_of(stack).grant_read(native(stack, "Charge"))

        assert "names it" in warnings_of(stack)["secret-not-named"]

    def test_an_app_that_does_not_ask_for_it_is_left_alone(self, tmp_path):
        stack = new_stack(tmp_path)
        secret_of(stack)
        native(stack, "Charge", environment={KEY: "dev/stripe-api-key"})

        assert template_of(stack)
        assert findings(stack) == []


def test_what_is_refused_can_be_allowed_for_one_construct_with_a_reason(tmp_path):
    stack = new_stack(tmp_path)
    secret = Secret(stack, STRIPE_API_KEY, env_name="dev")
    code = {"handler": "index.handler", "code": aws_lambda.Code.from_inline("handler = print")}
    charge, refund = (
        make_function(stack, name, **code, environment={STRIPE_API_KEY: secret.secret_name})
        for name in ("Charge", "Refund")
    )
    reason = Acknowledgment(id="core_backend::secret-not-readable", reason="a boundary allows it")
    Validations.of(charge).acknowledge(reason)

    assert lines(refusal(stack)) == [
        (
            f"[Charges/Refund] the environment variable {KEY} names the secret "
            f"'dev/stripe-api-key', which the function may not read"
        )
    ]
    Validations.of(refund).acknowledge(reason)
    again = App(outdir=str(tmp_path / "again"), analytics_reporting=False)
    stack = Stack(again, "Charges")
    secret = Secret(stack, STRIPE_API_KEY, env_name="dev")
    charge = make_function(
        stack, "Charge", **code, environment={STRIPE_API_KEY: secret.secret_name}
    )
    Validations.of(charge).acknowledge(reason)
    assert template_of(stack)


class TestWhatIsRight:
    """None of these is refused: each is a function of its own in one app."""

    @pytest.fixture
    def stack(self, tmp_path):
        stack = new_stack(tmp_path)
        check_functions(stack)
        return stack

    def test_however_the_secret_and_the_grant_are_written(self, stack):
        secret = secret_of(stack)
        cfn = secret.node.default_child
        production = CfnCondition(stack, "Production", expression=Fn.condition_equals("a", "b"))

        def granted(name, resource, value="dev/stripe-api-key"):
            statement = aws_iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"], resources=[resource]
            )
            native(stack, name, environment={KEY: value}).add_to_role_policy(statement)

        granted("AnySuffix", secret.secret_arn + "*")
        granted("AttrId", cfn.attr_id)
        granted("ValueAttrId", secret.secret_arn, cfn.attr_id)
        granted("Sub", Fn.sub("${S}", {"S": secret.secret_arn}))
        granted("Pattern", "arn:aws:secretsmanager:*:*:secret:dev/*", secret.secret_arn)
        granted("Six", "arn:aws:secretsmanager:*:*:secret:dev/stripe-api-key-??????")
        granted(
            "If", Token.as_string(Fn.condition_if(production.logical_id, secret.secret_arn, "*"))
        )
        role_policy = native(stack, "RolePolicy", environment={KEY: secret.secret_name})
        aws_iam.CfnRolePolicy(
            stack,
            "P",
            policy_name="p",
            role_name=role_policy.role.role_name,
            policy_document=aws_iam.PolicyDocument(
                statements=[
                    aws_iam.PolicyStatement(
                        actions=["secretsmanager:*"], resources=[secret.secret_arn]
                    )
                ]
            ),
        )
        by_policy = native(stack, "ResourcePolicy", environment={KEY: secret.secret_name})
        secret.add_to_resource_policy(
            aws_iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"],
                resources=["*"],
                principals=[aws_iam.ArnPrincipal(by_policy.role.role_arn)],
            )
        )

        assert template_of(stack)

    def test_a_database_secret_that_is_attached(self, stack):
        vpc = aws_ec2.Vpc(stack, "Vpc")
        database = aws_rds.DatabaseInstance(
            stack,
            "Database",
            engine=aws_rds.DatabaseInstanceEngine.POSTGRES,
            vpc=vpc,
            credentials=aws_rds.Credentials.from_generated_secret("app"),
        )
        charge = native(stack, "Charge", environment={KEY: database.secret.secret_arn})
        database.secret.grant_read(charge)

        assert template_of(stack)
        assert findings(stack) == []

    def test_the_secrets_of_stages_nested_stacks_and_other_stacks(self, tmp_path):
        app = App(outdir=str(tmp_path / "cdk.out"), analytics_reporting=False)
        check_functions(app)
        for env_name in ("dev", "prod"):
            stage = Stage(app, env_name)
            secret = secret_of(Stack(stage, "Secrets"), name=f"{env_name}/stripe-api-key")
            nested = NestedStack(Stack(stage, "Charges"), "Nested")
            for name, value in (
                ("ByName", f"{env_name}/stripe-api-key"),
                ("ByArn", secret.secret_arn),
            ):
                secret.grant_read(native(nested, name, environment={KEY: value}))
        # The name of one environment, and the grant of another.
        wrong = native(Stack(app, "Wrong"), "Wrong", environment={KEY: "dev/stripe-api-key"})
        stage = app.node.find_child("prod")
        assert stage.node.path == "prod"

        with pytest.raises(RuntimeError, match="ValidationFailed"):
            app.synth()

        assert [
            (rule, text.partition("]")[0])
            for severity, rule, text in findings(wrong.stack)
            if severity == "error"
        ] == [("secret-not-readable", "[Wrong/Wrong")]


class TestReplicas:
    def test_a_plain_name_finds_the_replica_which_needs_a_grant_of_its_own(self, tmp_path):
        app = App(outdir=str(tmp_path / "cdk.out"), analytics_reporting=False)
        there, here = (
            Stack(app, name, env=Environment(**env), cross_region_references=True)
            for name, env in (("Secrets", HERE | {"region": "eu-west-1"}), ("Charges", HERE))
        )
        replica = aws_secretsmanager.ReplicaRegion(region="eu-central-1")
        secret = Secret(there, STRIPE_API_KEY, env_name="dev", replica_regions=[replica])
        code = {"handler": "index.handler", "code": aws_lambda.Code.from_inline("handler = print")}
        environment = {STRIPE_API_KEY: secret.secret_name}
        charge = make_function(here, "Charge", **code, environment=environment)
        charge.grant_read(secret)
        right = make_function(here, "Right", **code, environment=environment)
        right.add_to_role_policy(
            aws_iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"],
                resources=[
                    "arn:aws:secretsmanager:eu-central-1:*:secret:dev/stripe-api-key-??????"
                ],
            )
        )

        template_of(here)

        warned = [text for _, rule, text in findings(here) if rule == "replica-not-readable"]
        assert [text.partition("]")[0] for text in warned] == ["[Charges/Charge"]
        assert (
            "allow it secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-central-1"
            in (warned[0])
        )


class TestWarnings:
    @pytest.fixture
    def entry(self, tmp_path):
        folder = tmp_path / "src"
        folder.mkdir()
        (folder / "handler.py").write_text(HANDLER)
        (folder / "secret_names.py").write_text(
            'from core_backend import SecretName\nSTRIPE_API_KEY = SecretName("stripe-api-key")'
        )
        return folder

    def test_what_the_code_lacks(self, tmp_path, entry, monkeypatch):
        stack = new_stack(tmp_path)
        make_function(stack, "Misnamed", entry=entry, handler="handlr.handler")
        make_function(stack, "Missing", entry=entry, handler="handler.handlr")
        make_function(stack, "Bare", entry=entry, handler="handler.handler")
        monkeypatch.syspath_prepend(str(entry))
        __import__("secret_names")
        make_function(
            stack,
            "NoNames",
            entry=entry,
            exclude=["secret_names.py"],
            handler="handler.handler",
        )

        template_of(stack)
        sys.modules.pop("secret_names")

        found = {(rule, text.partition("]")[0][1:]): text for _, rule, text in findings(stack)}
        assert found.keys() == {
            ("handler-not-found", "Charges/Misnamed"),
            ("handler-not-callable", "Charges/Missing"),
            ("core-backend-missing", "Charges/Missing"),
            ("core-backend-missing", "Charges/Bare"),
            ("core-backend-missing", "Charges/NoNames"),
            ("names-not-deployed", "Charges/NoNames"),
        }
        assert "its code has no file handlr.py" in found["handler-not-found", "Charges/Misnamed"]
        assert "did you mean handler?" in found["handler-not-callable", "Charges/Missing"]
        assert (
            "handler.py:2: it imports core_backend"
            in (found["core-backend-missing", "Charges/Bare"])
        )
        assert (
            "handler.py:3: it imports secret_names"
            in (found["names-not-deployed", "Charges/NoNames"])
        )

    def test_what_may_fail_or_be_lost_later(self, tmp_path):
        stack = new_stack(tmp_path)
        check_functions(stack)
        vpc = aws_ec2.Vpc(
            stack,
            "Vpc",
            nat_gateways=0,
            subnet_configuration=[
                aws_ec2.SubnetConfiguration(
                    name="Isolated", subnet_type=aws_ec2.SubnetType.PRIVATE_ISOLATED
                )
            ],
        )
        isolated = aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PRIVATE_ISOLATED)
        secret = secret_of(stack, removal_policy=RemovalPolicy.DESTROY)
        # As people write one that they fill by hand with the base class.
        secret.node.default_child.generate_secret_string = None
        charge = native(
            stack, "Charge", vpc=vpc, vpc_subnets=isolated, environment={KEY: secret.secret_name}
        )
        secret.grant_read(charge)

        found = warnings_of(stack)

        assert found.keys() == {"no-way-to-secrets-manager", "secret-not-retained"}
        assert "add a VPC endpoint for com.amazonaws" in found["no-way-to-secrets-manager"]
