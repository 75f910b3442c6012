"""The stack of the service: an HTTP API, a function, and the secrets of one environment."""

import json
from pathlib import Path
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations, aws_apigatewayv2, aws_logs
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct
from secret_names import DATABASE_PASSWORD, STRIPE_API_KEY, WEBHOOK_SIGNING_KEY

from core_backend.cdk import Function, Secret, get_resource_name, make_function, runtime_layer

HERE = Path(__file__).parent
# Files of this folder that the function does not need.
NOT_DEPLOYED = ["app.py", "cdk.json", "pytest.ini", "stack.py", "tests"]

# Findings of cdk-nag's AwsSolutions rules that we accept, and why.
ACCEPTED = {
    "AwsSolutions-SMG4": (
        "Stripe issues its keys, so they are replaced by hand; the database whose password would "
        "be rotated is not part of this example"
    ),
    "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
    "AWSLambdaBasicExecutionRole]": "it only lets a function write its logs",
    "AwsSolutions-IAM5[Resource::*]": "X-Ray's two write actions do not support resources",
}


class ChargesStack(Stack):
    """The charges service in one environment, such as ``dev`` or ``prod``."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002  # CDK's word
        *,
        env_name: str,
        **props: Any,
    ) -> None:
        """Declare the secrets, the function and its API."""
        super().__init__(scope, id, **props)
        # Stripe issues these two, so they stay empty until somebody fills them.
        stripe_key = Secret(
            self, STRIPE_API_KEY, secret_name=get_resource_name(STRIPE_API_KEY, env_name)
        )
        webhook_key = Secret(self, WEBHOOK_SIGNING_KEY, env_name=env_name)
        # Nobody needs to know this one, so Secrets Manager generates it.
        password = Secret(self, DATABASE_PASSWORD, env_name=env_name, generate=True)

        charge = make_function(
            self,
            "Charge",
            entry=HERE,
            exclude=NOT_DEPLOYED,
            handler="handler.handler",
            layers=[runtime_layer(self, "Runtime")],
            environment={STRIPE_API_KEY: stripe_key.secret_name},
            # This sets the variables and grants access.
            secrets=[webhook_key, password],
        )
        charge.grant_read(stripe_key)
        self._add_api(charge)
        for rule, reason in ACCEPTED.items():
            Validations.of(self).acknowledge(Acknowledgment(id=rule, reason=reason))

    def _add_api(self, charge: Function) -> None:
        """Add an HTTP API for callers that sign their requests with IAM credentials."""
        api = aws_apigatewayv2.HttpApi(self, "Api", default_authorizer=HttpIamAuthorizer())
        api.add_routes(
            path="/charges",
            methods=[aws_apigatewayv2.HttpMethod.POST],
            integration=HttpLambdaIntegration("Integration", charge),
        )
        log_group = aws_logs.LogGroup(self, "ApiLogs", retention=aws_logs.RetentionDays.ONE_MONTH)
        stage = api.default_stage.node.default_child
        stage.access_log_settings = aws_apigatewayv2.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group.log_group_arn,
            format=json.dumps({"request": "$context.requestId", "status": "$context.status"}),
        )
