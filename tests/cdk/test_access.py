"""A function may read the secrets its environment names, and no others: else synth says so."""

from __future__ import annotations

import pytest
from aws_cdk import App, CfnParameter, NestedStack, Stack, aws_iam, aws_lambda, aws_secretsmanager
from support.stacks import charge, new_stack, refusal, template_of

from core_backend.cdk import Secret, make_function
from core_backend.names import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")
WEBHOOK_KEY = SecretName("webhook-key")


class TestAccess:
    def test_a_secret_in_the_environment_that_the_function_may_not_read(self, tmp_path):
        stack = new_stack(tmp_path)
        secret = Secret(stack, STRIPE_API_KEY, env_name="dev")
        charge(stack, environment={STRIPE_API_KEY: secret.secret_name})

        assert (
            "[Charges/Charge] the environment variable STRIPE_API_KEY names the secret "
            "'dev/stripe-api-key', which the function may not read; allow it "
            "secretsmanager:GetSecretValue on that secret, in CDK with function.grant_read(secret)"
        ) in refusal(stack)

    def test_a_grant_on_another_secret_does_not_do(self, tmp_path):
        stack = new_stack(tmp_path)
        stripe = Secret(stack, STRIPE_API_KEY, env_name="dev")
        webhook = Secret(stack, WEBHOOK_KEY, env_name="dev")
        function = charge(stack, environment={STRIPE_API_KEY: stripe.secret_name})
        function.grant_read(webhook)

        message = refusal(stack)
        assert "STRIPE_API_KEY names the secret 'dev/stripe-api-key'" in message
        assert (
            "[Charges/Charge] the function may read the secret dev/webhook-key, but no "
            "environment variable names it; add environment={NAME: secret.secret_name}"
        ) in message

    def test_a_grant_to_another_function_does_not_do(self, tmp_path):
        stack = new_stack(tmp_path)
        secret = Secret(stack, STRIPE_API_KEY, env_name="dev")
        charge(stack, environment={STRIPE_API_KEY: secret.secret_name})
        code = aws_lambda.Code.from_inline("handler = print")
        make_function(stack, "Refund", handler="index.handler", code=code, secrets=[secret])

        message = refusal(stack)
        assert "[Charges/Charge] the environment variable STRIPE_API_KEY" in message
        assert "[Charges/Refund]" not in message

    def test_the_same_secret_of_another_environment_does_not_do(self, tmp_path):
        app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
        dev, prod = Stack(app, "Dev"), Stack(app, "Prod")
        in_dev = Secret(dev, STRIPE_API_KEY, env_name="dev")
        in_prod = Secret(prod, STRIPE_API_KEY, env_name="prod")
        charge(prod, environment={STRIPE_API_KEY: in_dev.secret_name}).grant_read(in_prod)

        assert "'dev/stripe-api-key', which the function may not read" in refusal(prod)

    @pytest.mark.parametrize("attribute", ["secret_name", "secret_arn"])
    def test_a_secret_of_another_stack(self, tmp_path, attribute):
        app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
        secret = Secret(Stack(app, "Secrets"), STRIPE_API_KEY, env_name="dev")
        stack = Stack(app, "Charges")
        function = charge(stack, environment={STRIPE_API_KEY: getattr(secret, attribute)})
        function.grant_read(secret)

        assert template_of(stack)

    @pytest.mark.parametrize("same_stack", [True, False])
    def test_a_function_that_rotates_a_secret_gets_its_name_in_the_event(
        self, tmp_path, same_stack
    ):
        stack = new_stack(tmp_path)
        home = stack if same_stack else Stack(stack.node.root, "Secrets")
        secret = Secret(home, STRIPE_API_KEY, env_name="dev")
        rotation = aws_secretsmanager.RotationSchedule(
            stack, "Rotation", secret=secret, rotation_lambda=charge(stack)
        )

        assert rotation.node.scope is stack
        assert template_of(stack)

    def test_a_function_that_rotates_one_secret_may_not_read_another_unnamed(self, tmp_path):
        stack = new_stack(tmp_path)
        function = charge(stack)
        rotated = Secret(stack, STRIPE_API_KEY, env_name="dev")
        rotated.add_rotation_schedule("Rotation", rotation_lambda=function)
        function.grant_read(Secret(stack, WEBHOOK_KEY, env_name="dev"))

        message = refusal(stack)
        assert "may read the secret dev/webhook-key, but" in message
        assert "dev/stripe-api-key" not in message

    @pytest.mark.parametrize("end", ["", "*"])
    def test_a_grant_on_what_only_the_deployment_knows_may_be_the_one(self, tmp_path, end):
        stack = new_stack(tmp_path)
        function = charge(stack, environment={STRIPE_API_KEY: "dev/stripe-api-key"})
        arn = CfnParameter(stack, "Arn", type="String").value_as_string
        function.add_to_role_policy(
            aws_iam.PolicyStatement(actions=["secretsmanager:*"], resources=[arn + end])
        )

        assert template_of(stack)

    def test_a_secret_of_the_parent_of_a_nested_stack(self, tmp_path):
        stack = new_stack(tmp_path)
        secret = Secret(stack, STRIPE_API_KEY, env_name="dev")
        charge(NestedStack(stack, "Nested"), secrets=[secret])

        assert template_of(stack)

    @pytest.mark.parametrize("attribute", ["secret_name", "secret_arn"])
    def test_a_secret_that_no_stack_of_ours_declares(self, tmp_path, attribute):
        stack = new_stack(tmp_path)
        theirs = aws_secretsmanager.Secret.from_secret_name_v2(stack, "Theirs", "shared/stripe")
        function = charge(stack, environment={STRIPE_API_KEY: getattr(theirs, attribute)})
        function.grant_read(theirs)

        assert template_of(stack)

    def test_a_secret_that_cloudformation_names(self, tmp_path):
        stack = new_stack(tmp_path)
        unnamed = aws_secretsmanager.Secret(stack, "Unnamed")
        function = charge(stack, environment={STRIPE_API_KEY: unnamed.secret_name})
        function.grant_read(unnamed)

        assert template_of(stack)

    @pytest.mark.parametrize("grant", ["inline", "policy elsewhere", "prefix"])
    def test_however_the_role_came_to_be_allowed(self, tmp_path, grant):
        stack = new_stack(tmp_path)
        secret = Secret(stack, STRIPE_API_KEY, env_name="dev")
        statement = aws_iam.PolicyStatement(
            actions=["secretsmanager:Get*"], resources=[secret.secret_arn]
        )
        role = aws_iam.Role(
            stack,
            "Role",
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Read": aws_iam.PolicyDocument(statements=[statement])}
            if grant == "inline"
            else None,
        )
        function = charge(stack, role=role, environment={STRIPE_API_KEY: secret.secret_name})
        if grant == "policy elsewhere":
            aws_iam.Policy(stack, "Read", roles=[role], statements=[statement])
        if grant == "prefix":
            function.add_to_role_policy(
                aws_iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"],
                    resources=["arn:aws:secretsmanager:*:*:secret:dev/*"],
                )
            )

        assert template_of(stack)

    def test_a_role_that_is_shared_may_read_more(self, tmp_path):
        stack = new_stack(tmp_path)
        role = aws_iam.Role(
            stack, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com")
        )
        charge(stack, role=role).grant_read(Secret(stack, STRIPE_API_KEY, env_name="dev"))

        assert template_of(stack)

    def test_a_role_of_somebody_elses_is_not_judged(self, tmp_path):
        stack = new_stack(tmp_path)
        role = aws_iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/theirs")
        charge(stack, role=role, environment={STRIPE_API_KEY: "dev/stripe-api-key"})

        assert template_of(stack)

    def test_a_managed_policy_may_allow_what_is_not_to_be_seen(self, tmp_path):
        stack = new_stack(tmp_path)
        function = charge(stack, environment={STRIPE_API_KEY: "dev/stripe-api-key"})
        function.role.add_managed_policy(
            aws_iam.ManagedPolicy.from_aws_managed_policy_name("SecretsManagerReadWrite")
        )

        assert template_of(stack)
