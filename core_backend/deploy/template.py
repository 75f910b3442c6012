"""What templates declare: the secrets, the functions, and what each function may do.

Every format ends here, as CloudFormation's resources: see ``formats`` and ``terraform``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from core_backend.deploy.grants import (
    DECRYPT,
    READ,
    DeclaredSecret,
    Grant,
    answer,
    as_list,
    find_secret,
    grants_of,
    intrinsics,
    match_secret,
    parts_of,
    text_of,
)
from core_backend.deploy.references import Json, find_references, object_of, qualify, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Stack", "Template", "TemplateFunction", "combine", "object_of"]

# AWS managed policies that serve the runtime: logs, traces, network. They read no secret.
_RUNTIME_POLICY = re.compile(r":policy/(service-role/|AWSX[Rr]ay|CloudWatchLambdaInsights)")


class Stack(NamedTuple):
    """One template, and what is known of the stack that it becomes."""

    content: Json
    """CloudFormation's own JSON."""
    source: str = ""
    """The path of its file."""
    account: str | None = None
    region: str | None = None
    parent: tuple[int, str] | None = None
    """For a nested stack: its parent's number, and its logical id there."""

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return Path(self.source).name.partition(".")[0] or "the template"

    @property
    def folder(self) -> Path | None:
        """Where the assets are that the template names."""
        return Path(self.source).parent if self.source else None


class TemplateFunction(NamedTuple):
    """One Lambda function of a template."""

    key: str
    """Its logical id, after ``1/`` or so where there are several templates."""
    path: str
    """Its construct path, or its logical id where the template has no metadata."""
    stack: int
    """The number of its template."""
    properties: Json
    code: Path | None
    """The folder or file with its code, if the template says so and it is there."""

    @property
    def id(self) -> str:
        """Its logical id."""
        return self.key.rpartition("/")[2]

    @property
    def handler(self) -> str:
        """Module and function, such as ``handler.handler``; empty for an image."""
        return text_of(self.properties.get("Handler") or "")

    @property
    def environment(self) -> Json:
        """Its variables, as far as the template says them."""
        variables = object_of(object_of(self.properties, "Environment"), "Variables")
        return {} if self.hides_environment else variables

    @property
    def hides_environment(self) -> bool:
        """Whether only the deployment knows the variables: an ``Fn::If`` in their place."""
        environment = object_of(self.properties, "Environment")
        keys = {*environment, *object_of(environment, "Variables")}
        return any(key == "Ref" or key.startswith("Fn::") for key in keys)

    @property
    def is_python(self) -> bool:
        """Whether it may be Python whose code is in a folder: not Node.js, not inline."""
        runtime = text_of(self.properties.get("Runtime") or "python")
        inline = "ZipFile" in object_of(self.properties, "Code")
        return not inline and (runtime.startswith(("python", "provided", "${")))


class Template(NamedTuple):
    """What one or several templates declare together."""

    stacks: list[Stack]
    resources: dict[str, Json]
    """Every resource under its logical id, with references resolved."""
    secrets: list[DeclaredSecret]
    functions: list[TemplateFunction]
    homes: dict[str, int]
    """The number of the template of each resource."""

    def layer_folders(self, function: TemplateFunction) -> tuple[list[Path], bool]:
        """Return where modules of a function's layers are, and whether these are all of them."""
        folders: list[Path] = []
        is_all = True
        for layer in as_list(function.properties.get("Layers")):
            key = str(_target(layer))
            resource = self.resources.get(key)
            code = None if resource is None else _code(resource, self.stacks[self.homes[key]])
            if code is None or not code.is_dir():
                is_all = False
            else:
                folders += [code / "python", *code.glob("python/lib/*/site-packages")]
        return folders, is_all

    def of_type(self, *kinds: str) -> Iterator[tuple[str, Json]]:
        """Yield the resources of some types, such as ``Lambda::Function``."""
        wanted = {f"AWS::{kind}" for kind in kinds}
        for key, resource in self.resources.items():
            if resource.get("Type") in wanted:
                yield key, object_of(resource, "Properties")

    def may_read(self, function: TemplateFunction, value: Any) -> bool | None:
        """Tell whether a function may read the secret that a variable's value names."""
        grants, is_all = self._grants(function, READ)
        answers = [self._judge(one, grants, is_all=is_all) for one in as_list(value)]
        answers += self._resource_policies(function, value)
        # With Fn::If each of the values has to be readable; a policy of the secret adds to that.
        if len(as_list(value)) > 1:
            return True if all(answers) else None
        return answer(answers)

    def _judge(self, value: Any, grants: list[Grant], *, is_all: bool) -> bool | None:
        answers = [_weigh(match_secret(value, one.resource, self.secrets), one) for one in grants]
        found = answer(answers)
        return None if found is False and not is_all else found

    def readable(self, function: TemplateFunction) -> list[Any]:
        """Return the resources on which a function's own role allows GetSecretValue."""
        return [grant.resource for grant in self._grants(function, READ)[0]]

    def may_decrypt(self, function: TemplateFunction, value: Any) -> bool | None:
        """Tell whether a function may decrypt the secret: always, where it has no key of its own.

        Source: Secrets Manager user guide, "Secret encryption and decryption".
        """
        secret = find_secret(value, self.secrets)
        key = self.properties_of(secret).get("KmsKeyId") if secret else None
        if secret is None or key is None or "alias/aws/secretsmanager" in text_of(key):
            return True
        grants, is_all = self._grants(function, DECRYPT)
        if any(grant.resource == "*" or _shares(grant.resource, key) for grant in grants):
            return True
        owner = next((one for one in intrinsics(key) if _target(one) in self.resources), None)
        if owner is None or grants or not is_all:
            return None
        policy = object_of(self.resources[str(_target(owner))], "Properties").get("KeyPolicy")
        role = function.properties.get("Role")
        return None if _names_principal(policy, role, DECRYPT) is not False else False

    def properties_of(self, secret: DeclaredSecret) -> Json:
        """Return the properties of a declared secret."""
        return object_of(self.resources[secret.arn["Ref"]], "Properties")

    def _grants(self, function: TemplateFunction, action: str) -> tuple[list[Grant], bool]:
        """Return what a function's role allows, and whether the templates say all of it."""
        match function.properties.get("Role"):
            case {"Fn::GetAtt": [str(key), "Arn"]} if key in self.resources:
                role = object_of(self.resources[key], "Properties")
            case _:
                return [], False
        names = [{"Ref": key}, role.get("RoleName") or {"Ref": key}]
        condition = self.resources[function.key].get("Condition")
        documents: list[tuple[Any, bool]] = []
        for other, one in self.of_type("IAM::Policy", "IAM::ManagedPolicy", "IAM::RolePolicy"):
            attached = [*parts_of(one.get("Roles")), *parts_of(one.get("RoleName"))]
            certain = self.resources[other].get("Condition") in (None, condition)
            sure = [is_sure for role_name, is_sure in attached if role_name in names]
            documents += [(one.get("PolicyDocument"), certain and any(sure))] if sure else []
        for policy, is_sure in parts_of(role.get("Policies")):
            documents.append((object_of(policy, "PolicyDocument"), is_sure))
        # Terraform attaches by a resource of its own.
        attachments = [
            one.get("PolicyArn")
            for _, one in self.of_type("IAM::PolicyAttachment")
            if any(part in names for part in as_list(one.get("Roles")))
        ]
        is_all = True
        for arn, is_sure in parts_of([role.get("ManagedPolicyArns"), attachments]):
            match arn:
                case {"Ref": str(key)} if key in self.resources:
                    managed = object_of(self.resources[key], "Properties")
                    documents.append((managed.get("PolicyDocument"), is_sure))
                case _:
                    is_all = is_all and bool(_RUNTIME_POLICY.search(text_of(arn)))
        return [
            grant
            for document, is_sure in documents
            for grant in grants_of(document, action, is_sure=is_sure)
        ], is_all

    def _resource_policies(self, function: TemplateFunction, value: Any) -> Iterator[bool | None]:
        secret = find_secret(value, self.secrets)
        for _, one in self.of_type("SecretsManager::ResourcePolicy"):
            if secret is not None and secret.arn in intrinsics(one.get("SecretId")):
                role = function.properties.get("Role")
                yield _names_principal(one.get("ResourcePolicy"), role, READ)


def combine(stacks: list[Stack]) -> Template:
    """Read templates that are deployed together: what one exports another may import."""
    # Logical ids are unique in their own template alone.
    prefixes = [""] if len(stacks) == 1 else [f"{number}/" for number in range(1, len(stacks) + 1)]
    contents = [
        qualify(stack.content, prefix) for stack, prefix in zip(stacks, prefixes, strict=True)
    ]
    known = find_references(stacks, contents, prefixes)
    resources: dict[str, Json] = {}
    homes: dict[str, int] = {}
    for number, (content, prefix) in enumerate(zip(contents, prefixes, strict=True)):
        for key, resource in content["Resources"].items():
            resources[prefix + key] = resolve(resource, known)
            homes[prefix + key] = number
    template = Template(stacks, resources, [], [], homes)
    for key, properties in template.of_type("SecretsManager::Secret"):
        name = properties.get("Name")
        secret_name = None if name is None else text_of(name)
        template.secrets.append(
            DeclaredSecret(_path(key, resources[key]), {"Ref": key}, secret_name, homes[key])
        )
    for key, properties in template.of_type("Lambda::Function"):
        code = _code(resources[key], stacks[homes[key]])
        template.functions.append(
            TemplateFunction(key, _path(key, resources[key]), homes[key], properties, code)
        )
    return template


def _path(key: str, resource: Json) -> str:
    path = object_of(resource, "Metadata").get("aws:cdk:path", key)
    return str(path).removesuffix("/Resource")


def _code(resource: Json, stack: Stack) -> Path | None:
    """Return where a function's or a layer's code is: CDK's asset, or SAM's folder."""
    properties = object_of(resource, "Properties")
    code = object_of(properties, "Code") or object_of(properties, "Content")
    asset = re.search(r"([0-9a-f]{64})\.zip$", text_of(code.get("S3Key") or ""))
    named = object_of(resource, "Metadata").get("core_backend:code")
    if stack.folder is None or not (asset or named):
        return None
    # A stage's assets are with those of the whole app, in a folder above its own.
    folders = [stack.folder] if named else [stack.folder, *stack.folder.parents]
    name = str(named) if named else f"asset.{asset[1] if asset else ''}"
    return next((path for one in folders if (path := one / name).exists()), None)


def _weigh(answered: bool | None, grant: Grant) -> bool | None:  # noqa: FBT001  # it is what is weighed
    return None if answered and not grant.is_sure else answered


def _target(intrinsic: Any) -> Any:
    match intrinsic:
        case {"Ref": str(target)} | {"Fn::GetAtt": [str(target), _]}:
            return target
        case _:
            return None


def _shares(resource: Any, key: Any) -> bool:
    """Tell whether two values refer to the same resource, or are the same text."""
    targets = {_target(one) for one in intrinsics(key)} - {None}
    return resource == key or any(_target(one) in targets for one in intrinsics(resource))


def _names_principal(policy: Any, role: Any, action: str) -> bool | None:
    """Tell whether a resource's own policy lets a role do something; never surely that it cannot.

    Returns:
        ``False`` where the policy allows nobody but the account, which has to allow it as well.
    """
    answers: list[bool | None] = [False]
    for statement, is_sure in parts_of(object_of({"": policy}, "").get("Statement")):
        if not [*grants_of({"Statement": statement}, action)]:
            continue
        principal = cast("Json", statement).get("Principal")
        if principal == "*" or role in [*intrinsics(principal)] or role == principal:
            answers.append(True if is_sure else None)
        elif not re.search(r":root\b|\.amazonaws\.com", json.dumps(principal)):
            answers.append(None)
    return answer(answers)
