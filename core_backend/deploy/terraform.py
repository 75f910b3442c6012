"""Translates the plan of Terraform or OpenTofu to CloudFormation's terms, as far as it tells.

The plan's JSON (``terraform show -json``) has each resource's values, but for those that only the
deployment knows; of these its configuration says to what they refer.
Source: Terraform, "JSON output format".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.deploy.references import object_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core_backend.deploy.references import Json

__all__ = ["UNKNOWN", "read_plan"]

UNKNOWN = {"Fn::GetAtt": ["of-the-deployment", "Value"]}


class _Module(NamedTuple):
    """A module of the configuration, where it is called."""

    prefix: str
    """What its addresses begin with: ``module.charges.`` or nothing."""
    configuration: Json
    inputs: Json
    """What the call gives for its variables."""
    caller: _Module | None


class _Resource(NamedTuple):
    """A resource of the plan, with its part of the configuration."""

    address: str
    kind: str
    values: Json
    expressions: Json
    module: _Module


def read_plan(plan: Json) -> dict[str, Any]:
    """Return a plan as a CloudFormation template; each resource is called by its address."""
    return _Plan(plan).translate()


class _Plan:
    """One plan."""

    def __init__(self, plan: Json) -> None:
        root = object_of(object_of(plan, "configuration"), "root_module")
        self._modules = list(_find_modules(_Module("", root, {}, None)))
        planned = object_of(object_of(plan, "planned_values"), "root_module")
        prior = object_of(object_of(object_of(plan, "prior_state"), "values"), "root_module")
        self._unknown = {
            str(one.get("address")): object_of(one.get("change"), "after_unknown")
            for one in plan.get("resource_changes") or ()
        }
        self._resources = {
            one["address"]: self._resource(one)
            for module in (prior, planned)
            for one in _find_resources(module)
        }

    def translate(self) -> dict[str, Any]:
        """Return the template."""
        translated: dict[str, Any] = {}
        for one in self._resources.values():
            make = _TRANSLATIONS.get(one.kind)
            if make is not None:
                kind, properties = make(self, one)
                translated[one.address] = {
                    "Type": f"AWS::{kind}",
                    "Properties": {key: value for key, value in properties.items() if value},
                    "Metadata": {"core_backend:code": self._source(one)},
                }
        return {"Resources": translated}

    def _resource(self, planned: Json) -> _Resource:
        address = str(planned["address"])
        for module in self._modules:
            for one in module.configuration.get("resources") or ():
                if re.sub(r"\[[^]]*\]", "", address) == module.prefix + one["address"]:
                    return _make(planned, object_of(one, "expressions"), module)
        return _make(planned, {}, self._modules[0])

    def value(self, one: _Resource, key: str) -> Any:
        """Return one of a resource's values, or that to which it refers."""
        value = one.values.get(key)
        hidden = self._unknown.get(one.address, {key: True})
        if value is not None or key not in one.expressions or not hidden.get(key):
            return value
        targets = list(self._targets(one.module, object_of(one.expressions, key)))
        return targets[0] if len(targets) == 1 else UNKNOWN

    def policy(self, one: _Resource, key: str = "policy") -> Any:
        """Return a policy document, written out or by reference to a data source."""
        text = one.values.get(key)
        if isinstance(text, str):
            return json.loads(text)
        expression = object_of(one.expressions, key)
        for reference in expression.get("references") or ():
            found = re.match(r"data\.aws_iam_policy_document\.[^.]+", reference)
            for data in one.module.configuration.get("resources") or () if found else ():
                if found and data["address"] == found[0]:
                    return self._document(one.module, object_of(data, "expressions"))
        resources = list(self._targets(one.module, expression)) or [UNKNOWN]
        # Which action it allows cannot be told; perhaps the one that is asked about.
        return {"Statement": [{"Effect": "Allow", "Action": UNKNOWN, "Resource": resources}]}

    def _document(self, module: _Module, expressions: Json) -> Json:
        statements: list[Any] = []
        for statement in expressions.get("statement") or ():
            actions, resources = object_of(statement, "actions"), object_of(statement, "resources")
            targets = list(self._targets(module, resources))
            statements.append(
                {
                    "Effect": object_of(statement, "effect").get("constant_value", "Allow"),
                    "Action": actions.get("constant_value", UNKNOWN),
                    "Resource": resources.get("constant_value") or targets or [UNKNOWN],
                }
            )
        return {"Statement": statements}

    def environment(self, one: _Resource) -> Json:
        """Return a function's variables; an unknown one by its reference, if there is one alone."""
        variables = dict(object_of(_block(one.values, "environment"), "variables"))
        expression = _block(one.expressions, "environment")
        targets = list(self._targets(one.module, object_of(expression, "variables")))
        unknown = self._unknown.get(one.address, {})
        hidden = _block(unknown, "environment")
        if unknown.get("environment") is True or hidden.get("variables") is True:
            # One unknown value makes all of them unknown, but for what they refer to.
            return {"Fn::Join": ["", targets]}
        unknown = object_of(hidden, "variables")
        open_keys = [key for key in unknown if variables.get(key) is None]
        named = [target for target in targets if self._is_secret(target)]
        for key in open_keys:
            variables[key] = named[0] if len(open_keys) == len(named) == 1 else UNKNOWN
        return variables

    def _is_secret(self, target: Any) -> bool:
        one = self._resources.get(target.get("Ref"))
        return one is not None and one.kind == "aws_secretsmanager_secret"

    def role(self, one: _Resource) -> Any:
        """Return the role of a function, as CloudFormation refers to it."""
        value: Any = self.value(one, "role")
        if isinstance(value, str):
            name = value.rpartition("/")[2]
            for other in self._resources.values():
                if other.kind == "aws_iam_role" and name == other.values.get("name"):
                    return {"Fn::GetAtt": [other.address, "Arn"]}
        match value:
            case {"Ref": target}:
                return {"Fn::GetAtt": [target, "Arn"]}
            case _:
                return value

    def by_arn(self, arn: Any) -> Any:
        """Return the resource that has an ARN, which is known of what was deployed before."""
        for other in self._resources.values():
            if isinstance(arn, str) and other.values.get("arn") == arn:
                return {"Ref": other.address}
        return arn

    def _source(self, one: _Resource) -> str | None:
        """Return the folder of a function's code, where the plan zips it itself."""
        for other in self._resources.values():
            same = other.values.get("output_path") == one.values.get("filename")
            if other.kind == "archive_file" and same and one.kind == "aws_lambda_function":
                return str(other.values.get("source_dir") or ".")
        return None

    def _targets(self, module: _Module, expression: Json, hops: int = 0) -> Iterator[Any]:
        """Yield the resources to which an expression refers, each once."""
        seen: list[Any] = []
        for reference in expression.get("references") or ():
            for target in self._follow(module, str(reference), hops):
                if target not in seen:
                    seen.append(target)
                    yield target

    def _follow(self, module: _Module, reference: str, hops: int) -> Iterator[Any]:
        address = module.prefix + reference
        found = [one for one in self._resources if address == one or address.startswith(f"{one}.")]
        if found:
            yield {"Ref": max(found, key=len)}
        kind, _, name = reference.partition(".")
        if kind == "local":
            # A plan does not say what locals are.
            yield UNKNOWN
        if hops < len(self._modules) and kind == "var" and module.caller is not None:
            given = object_of(module.inputs, name.partition(".")[0])
            yield from self._targets(module.caller, given, hops + 1)
        if hops < len(self._modules) and kind == "module":
            call, _, output = name.partition(".")
            for child in self._modules:
                if child.prefix == f"{module.prefix}module.{call}.":
                    outputs = object_of(child.configuration, "outputs")
                    value = object_of(object_of(outputs, output.partition(".")[0]), "expression")
                    yield from self._targets(child, value, hops + 1)


def _function(plan: _Plan, one: _Resource) -> tuple[str, dict[str, Any]]:
    vpc = _block(one.values, "vpc_config")
    return "Lambda::Function", {
        "Handler": one.values.get("handler"),
        "Runtime": one.values.get("runtime"),
        "Timeout": one.values.get("timeout"),
        "Layers": one.values.get("layers") or one.expressions.get("layers"),
        "Role": plan.role(one),
        "Environment": {"Variables": plan.environment(one)},
        "VpcConfig": {"SubnetIds": vpc.get("subnet_ids")} if vpc else None,
    }


def _secret(plan: _Plan, one: _Resource) -> tuple[str, dict[str, Any]]:
    replicas = one.values.get("replica") or ()
    return "SecretsManager::Secret", {
        "Name": one.values.get("name"),
        "KmsKeyId": plan.value(one, "kms_key_id"),
        "ReplicaRegions": [{"Region": replica.get("region")} for replica in replicas],
    }


def _role(_plan: _Plan, one: _Resource) -> tuple[str, dict[str, Any]]:
    inline = one.values.get("inline_policy") or ()
    return "IAM::Role", {
        "RoleName": one.values.get("name"),
        "ManagedPolicyArns": list(one.values.get("managed_policy_arns") or ()),
        "Policies": [
            {"PolicyDocument": json.loads(policy["policy"])}
            for policy in inline
            if policy.get("policy")
        ],
    }


def _role_policy(plan: _Plan, one: _Resource) -> tuple[str, dict[str, Any]]:
    return "IAM::RolePolicy", {
        "RoleName": plan.value(one, "role"),
        "PolicyDocument": plan.policy(one),
    }


def _managed_policy(plan: _Plan, one: _Resource) -> tuple[str, dict[str, Any]]:
    return "IAM::ManagedPolicy", {"PolicyDocument": plan.policy(one)}


def _attachment(plan: _Plan, one: _Resource) -> tuple[str, dict[str, Any]]:
    roles = one.values.get("roles")
    return "IAM::PolicyAttachment", {
        "Roles": roles or [plan.value(one, "role")],
        "PolicyArn": plan.by_arn(plan.value(one, "policy_arn")),
    }


def _secret_policy(plan: _Plan, one: _Resource) -> tuple[str, dict[str, Any]]:
    return "SecretsManager::ResourcePolicy", {
        "SecretId": plan.value(one, "secret_arn"),
        "ResourcePolicy": plan.policy(one),
    }


def _key(plan: _Plan, one: _Resource) -> tuple[str, dict[str, Any]]:
    policy = one.values.get("policy")
    written = isinstance(policy, str) or "policy" in one.expressions
    return "KMS::Key", {"KeyPolicy": plan.policy(one) if written else {}}


_TRANSLATIONS = {
    "aws_lambda_function": _function,
    "aws_secretsmanager_secret": _secret,
    "aws_secretsmanager_secret_policy": _secret_policy,
    "aws_iam_role": _role,
    "aws_iam_role_policy": _role_policy,
    "aws_iam_policy": _managed_policy,
    "aws_iam_role_policy_attachment": _attachment,
    "aws_iam_policy_attachment": _attachment,
    "aws_kms_key": _key,
}


def _find_modules(module: _Module) -> Iterator[_Module]:
    yield module
    for name, call in object_of(module.configuration, "module_calls").items():
        inner = object_of(call, "module")
        prefix = f"{module.prefix}module.{name}."
        yield from _find_modules(_Module(prefix, inner, object_of(call, "expressions"), module))


def _find_resources(module: Json) -> Iterator[Json]:
    yield from module.get("resources") or ()
    for child in module.get("child_modules") or ():
        yield from _find_resources(child)


def _make(planned: Json, expressions: Json, module: _Module) -> _Resource:
    values = object_of(planned, "values")
    return _Resource(str(planned["address"]), str(planned["type"]), values, expressions, module)


def _block(owner: Json, key: str) -> Json:
    """Return the one block of a kind, of which Terraform makes a list."""
    blocks: Any = owner.get(key)
    return object_of({"": blocks[0]}, "") if isinstance(blocks, list) and blocks else {}
