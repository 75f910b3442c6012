"""Secrets and functions, out of the CloudFormation templates that CDK synthesizes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from core_backend.deploy.grants import DeclaredSecret, as_list, names_one, readable, text_of, told
from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["RUNTIME_POLICY", "Template", "TemplateFunction", "read_templates"]

# An AWS managed policy of this path serves the runtime: logs, traces, network. It reads no secret.
RUNTIME_POLICY = ":policy/service-role/"


class TemplateFunction(NamedTuple):
    """One Lambda function of a template."""

    id: str
    """Its logical id."""
    path: str
    """Its construct path, or its logical id where the template has no metadata."""
    handler: str
    """Module and function, such as ``handler.handler``; empty for an image."""
    environment: Mapping[str, Any]
    readable: list[Any]
    """The resources on which its role allows GetSecretValue."""
    hidden: bool
    """Whether its role, or a policy of it, is none of the template's: it may allow more."""

    def may_read(self, value: Any, secrets: Iterable[DeclaredSecret]) -> bool | None:
        """Tell whether the secret that a value names may be read; ``None``: not to be told."""
        secrets = list(secrets)
        if any(names_one(value, resource, secrets) for resource in self.readable):
            return True
        compared = [value, *self.readable] if self.readable else []
        if self.hidden or not all(told(one, secrets) for one in compared):
            return None
        return False


class Template(NamedTuple):
    """What one or several templates declare together."""

    secrets: list[DeclaredSecret]
    functions: list[TemplateFunction]


def read_templates(
    templates: Iterable[Mapping[str, Any] | str | os.PathLike[str]],
) -> Template:
    """Read templates that are deployed together: what one exports another may import.

    Raises:
        ConfigurationError: One of them is no template.
    """
    loaded = [_loaded(one) for one in templates]
    # Logical ids are unique in their own template alone.
    prefixes = [""] if len(loaded) == 1 else [f"{number}/" for number in range(1, len(loaded) + 1)]
    qualified = [_qualified(one, prefix) for one, prefix in zip(loaded, prefixes, strict=True)]
    exports = {key: value for one in qualified for key, value in _exports(one)}
    resources = {
        prefix + key: _imported(resource, exports)
        for prefix, one in zip(prefixes, qualified, strict=True)
        for key, resource in one["Resources"].items()
    }
    return Template(
        secrets=[
            DeclaredSecret(key, {"Ref": key}, _name(resource))
            for key, resource in _of_type(resources, "SecretsManager::Secret")
        ],
        functions=[
            _function(key, resource, resources)
            for key, resource in _of_type(resources, "Lambda::Function")
        ],
    )


def _loaded(template: Mapping[str, Any] | str | os.PathLike[str]) -> Mapping[str, Any]:
    content: Any = template
    if not isinstance(template, Mapping):
        try:
            content = json.loads(Path(template).read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"the template {template!s} cannot be read ({error}); run cdk synth, and pass a "
                f"cdk.out/*.template.json"
            ) from error
    if not _is_template(content):
        raise ConfigurationError(
            "a template is a JSON object with Resources; pass a cdk.out/*.template.json"
        )
    for key, resource in content["Resources"].items():
        if not isinstance(resource, Mapping):
            raise ConfigurationError(
                f"the resource {key} is no JSON object, so this is no template; pass a "
                f"cdk.out/*.template.json"
            )
    return cast("Mapping[str, Any]", content)


def _is_template(content: Any) -> bool:
    return isinstance(content, Mapping) and isinstance(
        cast("Mapping[str, Any]", content).get("Resources"), Mapping
    )


def _qualified(template: Mapping[str, Any], prefix: str) -> Any:
    """Return the template with a prefix before each reference to a resource of its own."""
    ids = template["Resources"].keys()

    def walk(value: Any) -> Any:
        match value:
            case {"Ref": str(target)} if target in ids:
                return {"Ref": prefix + target}
            case {"Fn::GetAtt": [str(target), attribute]}:
                return {"Fn::GetAtt": [prefix + target, attribute]}
            case _:
                return _rebuilt(value, walk)

    return walk(template) if prefix else template


def _exports(template: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for output in _object(template, "Outputs").values():
        name = _object(output, "Export").get("Name")
        if name is not None:
            yield text_of(name), output.get("Value")


def _imported(value: Any, exports: Mapping[str, Any]) -> Any:
    """Return a value with what is known of other templates put in."""
    match value:
        case {"Fn::ImportValue": name} if text_of(name) in exports:
            return exports[text_of(name)]
        case _:
            return _rebuilt(value, lambda part: _imported(part, exports))


def _rebuilt(value: Any, replaced: Callable[[Any], Any]) -> Any:
    """Return an object or a list with its parts replaced, and anything else as it is."""
    if isinstance(value, Mapping):
        parts = cast("Mapping[str, Any]", value)
        return {key: replaced(part) for key, part in parts.items()}
    if isinstance(value, list):
        return [replaced(part) for part in as_list(value)]
    return value


def _of_type(resources: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    for key, resource in resources.items():
        if resource.get("Type") == f"AWS::{kind}":
            yield key, resource


def _object(owner: Any, key: str) -> Mapping[str, Any]:
    """Return the object under a key; an empty one where there is none, or JSON's null."""
    if not isinstance(owner, Mapping):
        return {}
    value = cast("Mapping[str, Any]", owner).get(key)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _document(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    return _object(_object(policy, "Properties"), "PolicyDocument")


def _name(resource: Mapping[str, Any]) -> str | None:
    name = _object(resource, "Properties").get("Name")
    return None if name is None else text_of(name)


def _function(
    key: str, resource: Mapping[str, Any], resources: Mapping[str, Any]
) -> TemplateFunction:
    properties = _object(resource, "Properties")
    path = _object(resource, "Metadata").get("aws:cdk:path", key)
    documents, hidden = _policies(properties.get("Role"), resources)
    return TemplateFunction(
        id=key,
        path=path.removesuffix("/Resource"),
        handler=text_of(properties.get("Handler") or ""),
        environment=_object(_object(properties, "Environment"), "Variables"),
        readable=readable(documents),
        hidden=hidden,
    )


def _policies(role: Any, resources: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """Return a role's policies, and whether it has some that are not in the template."""
    match role:
        case {"Fn::GetAtt": [str(key), "Arn"]} if key in resources:
            properties = _object(resources[key], "Properties")
        case _:
            return [], True
    attached = [
        _document(policy)
        for kind in ("IAM::Policy", "IAM::ManagedPolicy")
        for _, policy in _of_type(resources, kind)
        if {"Ref": key} in as_list(_object(policy, "Properties").get("Roles"))
    ]
    inline = [_object(policy, "PolicyDocument") for policy in as_list(properties.get("Policies"))]
    managed, hidden = _managed(as_list(properties.get("ManagedPolicyArns")), resources)
    return [*inline, *attached, *managed], hidden


def _managed(arns: Iterable[Any], resources: Mapping[str, Any]) -> tuple[list[Any], bool]:
    documents: list[Any] = []
    hidden = False
    for arn in arns:
        match arn:
            case {"Ref": str(key)} if key in resources:
                documents.append(_document(resources[key]))
            case _:
                hidden = hidden or RUNTIME_POLICY not in text_of(arn)
    return documents, hidden
