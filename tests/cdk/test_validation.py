"""What cannot work on Lambda is refused at synth, with the construct's path and the fix."""

from __future__ import annotations

import pytest
from aws_cdk import Fn
from support.stacks import charge, new_stack, refusal, template_of

from core_backend.cdk import Secret
from core_backend.names import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")
WEBHOOK_KEY = SecretName("webhook-key")


class TestKeys:
    def test_two_names_for_one_variable(self, tmp_path):
        stack = new_stack(tmp_path)
        charge(stack, environment={SecretName("a-b"): "dev/a-b", SecretName("a.b"): "dev/a.b"})

        assert (
            "[Charges/Charge] SecretName('a-b') and SecretName('a.b') both need the environment "
            "variable A_B, so one of them would get the other's value; rename one of them"
        ) in refusal(stack)

    def test_two_fields_of_one_secret_have_one_variable(self, tmp_path):
        stack = new_stack(tmp_path)
        key = STRIPE_API_KEY
        charge(stack, environment={key.field("a"): "dev/db", key.field("b"): "dev/db"})

        # Nothing grants the function to read it.
        assert "both need" not in refusal(stack)

    def test_a_name_and_a_plain_variable_for_one_variable(self, tmp_path):
        stack = new_stack(tmp_path)
        function = charge(stack, environment={"STRIPE_API_KEY": "something else"})
        function.add_environment(STRIPE_API_KEY, "dev/stripe-api-key")

        assert (
            "[Charges/Charge] 'STRIPE_API_KEY' and SecretName('stripe-api-key') both need"
        ) in refusal(stack)

    @pytest.mark.parametrize("key", ["stripe-api-key", "1ST", "A", "_HANDLER", ""])
    def test_a_variable_that_lambda_does_not_allow(self, tmp_path, key):
        stack = new_stack(tmp_path)
        charge(stack, environment={key: "x"})

        message = refusal(stack)
        assert f"[Charges/Charge] Lambda does not allow the environment variable {key!r}" in message
        assert "rename it" in message

    def test_a_variable_that_lambda_keeps_for_itself(self, tmp_path):
        stack = new_stack(tmp_path)
        charge(stack, environment={"AWS_REGION": "eu-central-1"})

        assert (
            "[Charges/Charge] the environment variable AWS_REGION belongs to the Lambda runtime; "
            "choose another name"
        ) in refusal(stack)

    @pytest.mark.parametrize("key", ["TZ", "PYTHONPATH", "LD_LIBRARY_PATH", "HTTPS_PROXY"])
    def test_a_variable_that_is_the_functions_to_set_is_fine(self, tmp_path, key):
        stack = new_stack(tmp_path)
        charge(stack, environment={key: "x"})

        assert template_of(stack)

    def test_a_value_that_is_no_text(self, tmp_path):
        stack = new_stack(tmp_path)
        secret = Secret(stack, STRIPE_API_KEY, env_name="dev")
        charge(stack, environment={STRIPE_API_KEY: secret, WEBHOOK_KEY: None})

        message = refusal(stack)
        assert (
            "[Charges/Charge] the environment variable STRIPE_API_KEY is to be a str, not Secret; "
            "pass secret.secret_name"
        ) in message
        assert (
            "[Charges/Charge] the environment variable WEBHOOK_KEY is to be a str, not NoneType; "
            "pass its text, or leave it out"
        ) in message

    def test_all_faults_are_listed_and_nothing_that_only_follows_from_them(self, tmp_path):
        stack = new_stack(tmp_path)
        function = charge(stack, environment={"stripe-api-key": "x", "AWS_REGION": "x"})
        function.grant_read(Secret(stack, STRIPE_API_KEY, env_name="dev"))

        message = refusal(stack)
        assert message.count("[Charges/Charge]") == 2
        assert "may read" not in message


class TestSize:
    def test_an_environment_over_4_kb(self, tmp_path):
        stack = new_stack(tmp_path)
        charge(stack, environment={"SMALL": "x", "BIG": "x" * 2100, "BIGGER": "é" * 1000})

        message = refusal(stack)
        assert (
            "[Charges/Charge] the environment takes 4,134 bytes, as JSON, of the 4,096" in message
        )
        assert "the largest are BIG, BIGGER, SMALL; move settings to" in message

    def test_an_environment_of_exactly_4_kb_is_fine(self, tmp_path):
        stack = new_stack(tmp_path)
        charge(stack, environment={"KEY": "x" * (4096 - len('{"KEY":""}'))})

        assert template_of(stack)

    def test_what_only_the_deployment_knows_counts_as_nothing(self, tmp_path):
        stack = new_stack(tmp_path)
        value = Fn.join("-", ["x" * 4000, Fn.import_value("Y" * 100)])
        charge(stack, environment={"KEY": value})

        assert template_of(stack)
