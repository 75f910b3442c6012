"""Each typed property is one of the CDK that is installed."""

from __future__ import annotations

import inspect

import pytest
from aws_cdk import aws_lambda, aws_secretsmanager

from core_backend.cdk import properties


@pytest.mark.parametrize(
    ("typed", "construct", "own"),
    [
        (properties.FunctionProperties, aws_lambda.Function, {"environment"}),
        (properties.SecretProperties, aws_secretsmanager.Secret, {"secret_name"}),
        (properties.LayerProperties, aws_lambda.LayerVersion, {"code"}),
    ],
)
def test_none_is_made_up(typed, construct, own):
    named = inspect.signature(construct.__init__).parameters.keys() - {"self", "scope", "id"}

    assert typed.__annotations__.keys() <= named - own
