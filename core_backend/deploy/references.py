"""References of a template: to its own resources, to other templates, and to nested stacks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from core_backend.deploy.grants import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_backend.deploy.template import Stack

__all__ = ["Json", "find_references", "object_of", "qualify", "resolve"]

Json = Mapping[str, Any]

# References may lead to further ones, from one nested stack to the next.
_MAX_HOPS = 8


def object_of(owner: Any, key: str) -> Json:
    """Return the object under a key; an empty one where there is none, or JSON's null."""
    value = cast("Json", owner).get(key) if isinstance(owner, Mapping) else None
    return cast("Json", value) if isinstance(value, Mapping) else {}


def find_references(
    stacks: list[Stack], contents: list[Json], prefixes: list[str]
) -> dict[str, Any]:
    """Return what references of one template to another, or to a secret, stand for."""
    known: dict[str, Any] = {}
    for content, prefix, stack in zip(contents, prefixes, stacks, strict=True):
        outputs = object_of(content, "Outputs")
        for key in outputs:
            value = object_of(outputs, key).get("Value")
            name = object_of(object_of(outputs, key), "Export").get("Name")
            if name is not None:
                known[_write({"Fn::ImportValue": text_of(name)})] = value
            if stack.parent:
                owner = prefixes[stack.parent[0]] + stack.parent[1]
                known[_write({"Fn::GetAtt": [owner, f"Outputs.{key}"]})] = value
        if stack.parent:
            nested = object_of(contents[stack.parent[0]]["Resources"], stack.parent[1])
            parameters = object_of(object_of(nested, "Properties"), "Parameters")
            for key, value in parameters.items():
                known[_write({"Ref": prefix + key})] = value
        for key, resource in content["Resources"].items():
            own = {"Ref": prefix + key}
            if resource.get("Type") == "AWS::SecretsManager::Secret":
                known[_write({"Fn::GetAtt": [prefix + key, "Id"]})] = own
            if resource.get("Type") == "AWS::SecretsManager::SecretTargetAttachment":
                known[_write(own)] = object_of(resource, "Properties").get("SecretId")
    return known


def qualify(template: Json, prefix: str) -> Json:
    """Return the template with a prefix before each reference to a part of its own.

    ``Fn::Sub`` becomes ``Fn::Join``, so that the references in its text are seen as well.
    """
    ids = {**object_of(template, "Resources"), **object_of(template, "Parameters")}

    def reference(target: str) -> Any:
        name, _, attribute = target.partition(".")
        own = prefix + name if name in ids else name
        return {"Fn::GetAtt": [own, attribute]} if attribute else {"Ref": own}

    def walk(value: Any) -> Any:
        match value:
            case {"Ref": str(target)} if target in ids:
                return {"Ref": prefix + target}
            case {"Fn::GetAtt": [str(target), str(attribute)]} if target in ids:
                return {"Fn::GetAtt": [prefix + target, attribute]}
            case {"Fn::GetAtt": str(path)} if "." in path:
                return reference(path)
            case {"Fn::Sub": [str(text), values]}:
                return _substitute(text, cast("Json", walk(values)), reference)
            case {"Fn::Sub": str(text)}:
                return _substitute(text, {}, reference)
            case _:
                return _rebuild(value, walk)

    return cast("Json", walk(template))


def _substitute(text: str, values: Json, reference: Callable[[str], Any]) -> Any:
    """Return ``Fn::Sub`` as ``Fn::Join``, or as the one thing that it consists of."""
    parts: list[Any] = []
    for number, part in enumerate(re.split(r"\$\{([^!}][^}]*)\}", text)):
        if number % 2 == 0:
            parts += [part.replace("${!", "${")] if part else []
        else:
            parts.append(values[part] if part in values else reference(part))
    return parts[0] if len(parts) == 1 else {"Fn::Join": ["", parts]}


def resolve(value: Any, known: Mapping[str, Any], hops: int = 0) -> Any:
    """Return a value with what is known of other templates put in."""
    match value:
        case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::ImportValue": _} if hops < _MAX_HOPS:
            named = text_of(value["Fn::ImportValue"]) if "Fn::ImportValue" in value else None
            key = _write(value if named is None else {"Fn::ImportValue": named})
            return resolve(known[key], known, hops + 1) if key in known else value
        case _:
            return _rebuild(value, lambda part: resolve(part, known, hops))


def _rebuild(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Return an object or a list with its parts replaced, and anything else as it is."""
    if isinstance(value, Mapping):
        return {key: replace(part) for key, part in cast("Json", value).items()}
    items: Any = value
    if isinstance(value, list):
        return [replace(part) for part in items]
    return value


def _write(intrinsic: Json) -> str:
    return json.dumps(intrinsic, sort_keys=True)
