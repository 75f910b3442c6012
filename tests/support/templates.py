"""CloudFormation as CDK synthesizes it, in as few words as a test needs."""

from __future__ import annotations

from typing import Any

__all__ = ["BASIC", "allow", "function", "policy", "role", "secret", "template"]

Json = dict[str, Any]

BASIC: Json = {
    "Fn::Join": [
        "",
        [
            "arn:",
            {"Ref": "AWS::Partition"},
            ":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        ],
    ]
}
READ = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]


def template(exports: Json | None = None, **resources: Json) -> Json:
    outputs = {
        f"Output{number}": {"Value": value, "Export": {"Name": name}}
        for number, (name, value) in enumerate((exports or {}).items())
    }
    return {"Resources": resources, "Outputs": {"Url": {"Value": "https://"}, **outputs}}


def secret(name: Any = None) -> Json:
    properties = {} if name is None else {"Name": name}
    return {"Type": "AWS::SecretsManager::Secret", "Properties": properties}


def function(
    role: Any = "Role",
    *,
    handler: Any = "handler.handler",
    path: str | None = None,
    **variables: Any,
) -> Json:
    arn = {"Fn::GetAtt": [role, "Arn"]} if isinstance(role, str) else role
    made: Json = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Handler": handler, "Role": arn, "Environment": {"Variables": variables}},
    }
    return {**made, "Metadata": {"aws:cdk:path": f"{path}/Resource"}} if path else made


def role(*managed: Any, inline: Json | None = None) -> Json:
    policies = [{"PolicyName": "Inline", "PolicyDocument": inline}] if inline else []
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"ManagedPolicyArns": list(managed), "Policies": policies},
    }


def policy(document: Json, *, to: str = "Role", kind: str = "Policy") -> Json:
    return {
        "Type": f"AWS::IAM::{kind}",
        "Properties": {"PolicyDocument": document, "Roles": [{"Ref": to}]},
    }


def allow(*resources: Any) -> Json:
    return {"Statement": [{"Effect": "Allow", "Action": READ, "Resource": list(resources)}]}
