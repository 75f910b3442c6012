"""Which secrets a policy lets a function read, judged on CloudFormation's own JSON.

CDK's tokens resolve to this JSON, and a synthesized template is made of it, so the checks at synth
and the check of a template ask the same questions here. Where something cannot be told from the
JSON, the answer is the one that refuses nothing.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "DeclaredSecret",
    "as_list",
    "intrinsics",
    "names_one",
    "readable",
    "text_of",
    "told",
    "wide",
]

_READ = "secretsmanager:getsecretvalue"
# Secrets Manager ends an ARN with a hyphen and six characters of its own.
_ANY_SUFFIX = "-??????"
_SOME_SUFFIX = "-AbCdEf"
_EVERYTHING = ("*", "arn:*", "arn:aws:*")


class DeclaredSecret(NamedTuple):
    """A secret that the infrastructure declares."""

    path: str
    """Where: its construct path, or its logical id."""
    arn: Any
    """What a policy or a variable says to mean its ARN: ``{"Ref": ...}``, or an import of it."""
    name: str | None
    """Its real name, as ``text_of`` writes it; ``None`` leaves the name to CloudFormation."""


def as_list(value: Any) -> list[Any]:
    """Return what IAM allows to be one or many as a list."""
    match value:
        case None:
            return []
        case [*parts]:
            return parts
        case _:
            return [value]


def text_of(value: Any) -> str:
    """Write a value as text, with ``${...}`` for each part only the deployment knows."""
    match value:
        case str():
            return value
        case {"Fn::Join": [str(separator), parts]}:
            return separator.join(map(text_of, as_list(parts)))
        case {"Fn::Sub": str(text)}:
            return text
        case {"Ref": str(target)}:
            return f"${{{target}}}"
        case _:
            return f"${{{json.dumps(value, sort_keys=True)}}}"


def intrinsics(value: Any) -> Iterator[Mapping[str, Any]]:
    """Walk through every object inside a value: its ``Ref``, ``Fn::GetAtt`` and the like."""
    parts = as_list(value) if isinstance(value, list) else []
    if isinstance(value, dict):
        intrinsic = cast("dict[str, Any]", value)
        yield intrinsic
        parts = list(intrinsic.values())
    for part in parts:
        yield from intrinsics(part)


def readable(documents: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return the resources on which these policies allow GetSecretValue.

    Conditions and denials are not weighed: what they do is decided at the call.
    """
    statements = [one for document in documents for one in as_list(document.get("Statement"))]
    return [resource for one in statements for resource in _resources_read(one)]


def _resources_read(statement: Mapping[str, Any]) -> list[Any]:
    if statement.get("Effect") != "Allow":
        return []
    if "Action" in statement and not any(map(_allows_read, as_list(statement["Action"]))):
        return []
    if "Action" not in statement or "Resource" not in statement:
        # NotAction and NotResource allow what they leave out.
        return ["*"]
    return as_list(statement["Resource"])


def _allows_read(action: str) -> bool:
    return fnmatchcase(_READ, action.lower())


def wide(resource: Any) -> bool:
    """Tell whether a policy's resource stands for more than one secret."""
    return bool(re.search(r"[*?]", text_of(resource).removesuffix(_ANY_SUFFIX)))


def names_one(value: Any, resource: Any, declared: Iterable[DeclaredSecret]) -> bool:
    """Tell whether a policy's resource covers the secret that a variable's value names."""
    if resource in intrinsics(value):
        return True
    text, pattern = text_of(value), text_of(resource)
    if any(one.arn in intrinsics(resource) and text == one.name for one in declared):
        return True
    return _covers(pattern, text)


def told(value: Any, declared: Iterable[DeclaredSecret]) -> bool:
    """Tell whether the JSON says which secrets a variable's value or a policy's resource means.

    What comes from a parameter, an import, another Region or a nested stack's outputs may be any.
    """
    inner = list(intrinsics(value))
    return any(one.arn in inner for one in declared) or all(map(_is_plain, inner))


def _is_plain(intrinsic: Mapping[str, Any]) -> bool:
    match intrinsic:
        case {"Fn::Join": _}:
            return True
        case {"Ref": str(target)}:
            return target.startswith("AWS::")
        case {"Fn::Sub": str(text)}:
            return not re.search(r"\$\{(?!AWS::)", text)
        case _:
            return False


def _covers(pattern: str, text: str) -> bool:
    """Tell whether an ARN with wildcards covers a secret's name or ARN."""
    _, _, tail = pattern.partition(":secret:")
    if not tail:
        # No secret's ARN, but perhaps a wildcard over all of them.
        return pattern in _EVERYTHING or ("*" in pattern and ":secretsmanager:" in pattern)
    _, is_arn, name = text.partition(":secret:")
    if is_arn and fnmatchcase(name, tail):
        return True
    return fnmatchcase((name or text) + _SOME_SUFFIX, tail)
