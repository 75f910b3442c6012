"""What type checkers accept and refuse of our constructs. It is never run.

mypy reports an ignore that is left over, so each of these is a mistake that it finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, RemovalPolicy, aws_lambda

from core_backend.cdk import Secret, make_function, runtime_layer
from core_backend.names import SecretName

if TYPE_CHECKING:
    from aws_cdk import Stack

STRIPE_API_KEY = SecretName("stripe-api-key")


def declare(stack: Stack) -> None:
    """Declare what is right, and what has a typo."""
    secret = Secret(stack, STRIPE_API_KEY, env_name="dev", removal_policy=RemovalPolicy.DESTROY)
    environment = {STRIPE_API_KEY: secret.secret_name}
    make_function(
        stack,
        "Charge",
        entry="src",
        handler="handler.handler",
        environment=environment,
        layers=[runtime_layer(stack, "Runtime", description="Secrets")],
        timeout=Duration.seconds(5),
        runtime=aws_lambda.Runtime.PYTHON_3_14,
    )
    make_function(
        stack,
        "Mixed",
        entry="src",
        handler="handler.handler",
        environment={STRIPE_API_KEY: secret.secret_name, "TZ": "UTC"},
    )
    make_function(stack, "Typo", entry="src", handler="h.h", memmory_size=512)  # type: ignore[call-arg]
    make_function(stack, "Kind", entry="src", handler="h.h", timeout=5)  # type: ignore[arg-type]
    make_function(stack, "NoHandler", entry="src")  # type: ignore[call-arg]
    Secret(stack, STRIPE_API_KEY, env_name="dev", removal_polcy=None)  # type: ignore[call-arg]
    runtime_layer(stack, "Typo", descripton="Secrets")  # type: ignore[call-arg]
