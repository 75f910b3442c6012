"""What a policy allows, judged on CloudFormation's own JSON.

Each question has three answers: yes, no, and ``None`` for what the JSON does not tell. CDK writes
this JSON, SAM is expanded to it, and a Terraform plan is translated to it.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "DECRYPT",
    "READ",
    "DeclaredSecret",
    "Grant",
    "answer",
    "as_list",
    "find_secret",
    "grants_of",
    "intrinsics",
    "is_known",
    "is_wide",
    "match_secret",
    "parts_of",
    "text_of",
]

READ = "secretsmanager:getsecretvalue"
DECRYPT = "kms:decrypt"
# Secrets Manager ends an ARN with a hyphen and six characters of its own.
_ANY_SUFFIX = "-??????"
_SOME_SUFFIX = "-AbCdEf"
_EVERYTHING = ("*", "arn:*", "arn:aws:*")
_UNKNOWN = re.compile(r"\$\{(?!AWS::)")


class DeclaredSecret(NamedTuple):
    """A secret that a template declares."""

    path: str
    """Its construct path, or its logical id."""
    arn: Any
    """How a policy or a variable refers to its ARN: ``{"Ref": ...}``."""
    name: str | None
    """Its real name, as ``text_of`` writes it; ``None`` leaves the name to CloudFormation."""
    stack: int = 0
    """The number of the template that declares it."""


class Grant(NamedTuple):
    """One resource on which a policy allows an action."""

    resource: Any
    is_sure: bool = True
    """``False`` where a condition of the template decides whether it is there."""


def answer(answers: Iterable[bool | None]) -> bool | None:
    """Return ``True`` if one answer is, else ``None`` if one is not known, else ``False``."""
    found = list(answers)
    return True if True in found else None if None in found else False


def as_list(value: Any) -> list[Any]:
    """Return what CloudFormation allows to be one or many as a list."""
    return [part for part, _ in parts_of(value)]


def parts_of(value: Any, *, is_sure: bool = True) -> Iterator[tuple[Any, bool]]:
    """Yield each part of a list or of an ``Fn::If``, and whether it is there in any case."""
    match value:
        case None | {"Ref": "AWS::NoValue"}:
            return
        case {"Fn::If": [_, one, other]}:
            yield from parts_of(one, is_sure=False)
            yield from parts_of(other, is_sure=False)
        case [*parts]:
            for part in parts:
                yield from parts_of(part, is_sure=is_sure)
        case _:
            yield value, is_sure


def text_of(value: Any) -> str:
    """Write a value as text, with ``${...}`` for each part that only the deployment knows."""
    match value:
        case str():
            return value
        case {"Fn::Join": [str(separator), [*parts]]}:
            return separator.join(map(text_of, parts))
        case {"Ref": str(target)}:
            return f"${{{target}}}"
        case {"Fn::GetAtt": [str(target), str(attribute)]}:
            return f"${{{target}.{attribute}}}"
        case _:
            return f"${{{json.dumps(value, sort_keys=True)}}}"


def intrinsics(value: Any) -> Iterator[Mapping[str, Any]]:
    """Walk through every object inside a value: its ``Ref``, ``Fn::GetAtt`` and the like."""
    items: Any = value
    parts: Iterable[Any] = items if isinstance(value, list) else ()
    if isinstance(value, dict):
        intrinsic = cast("dict[str, Any]", value)
        yield intrinsic
        parts = intrinsic.values()
    for part in parts:
        yield from intrinsics(part)


def grants_of(document: Any, action: str, *, is_sure: bool = True) -> Iterator[Grant]:
    """Yield the resources on which a policy allows an action, written in lower case.

    Conditions of a statement and denials are not weighed: AWS decides them at the call.
    """
    for one, sure_document in parts_of(document, is_sure=is_sure):
        for statement, sure in parts_of(_get(one, "Statement"), is_sure=sure_document):
            for resource, sure_resource in _resources_of(statement, action):
                yield Grant(resource, sure and sure_resource)


def _resources_of(statement: Any, action: str) -> Iterator[tuple[Any, bool]]:
    if _get(statement, "Effect") != "Allow":
        return
    actions = _get(statement, "Action")
    if actions is not None:
        allowed = [(text_of(one), sure) for one, sure in parts_of(actions)]
        sure = [ok for one, ok in allowed if fnmatchcase(action, one.lower())]
        if not sure and not any(_UNKNOWN.search(one) for one, _ in allowed):
            return
    else:
        sure = [True]
    resources = _get(statement, "Resource")
    # NotAction and NotResource allow what they leave out.
    for resource, sure_resource in parts_of("*" if resources is None else resources):
        yield resource, sure_resource and any(sure)


def find_secret(value: Any, declared: Iterable[DeclaredSecret]) -> DeclaredSecret | None:
    """Return the declared secret that a variable's value names, by reference, name or ARN."""
    inner = list(intrinsics(value))
    named = text_of(value)
    bare = named.partition(":secret:")[2] or named
    for secret in declared:
        if secret.arn in inner:
            return secret
        if secret.name is not None and bare in (secret.name, f"{secret.name}{_ANY_SUFFIX}"):
            return secret
        if bare != named and re.fullmatch(re.escape(f"{secret.name}-") + r"\w{6}", bare):
            return secret
    return None


def match_secret(value: Any, resource: Any, declared: Iterable[DeclaredSecret]) -> bool | None:
    """Tell whether a policy's resource covers the secret that a variable's value names."""
    declared = list(declared)
    # Each Region may have one of the same name.
    secrets = [one for one in declared if find_secret(value, [one])]
    inner = list(intrinsics(resource))
    if value in inner or resource in intrinsics(value) or any(one.arn in inner for one in secrets):
        return True
    pattern, text = text_of(resource), text_of(value)
    # An ARN says where the secret is, too: it is compared as it is.
    names = [] if ":secret:" in text else [one.name or "" for one in secrets]
    if any(_covers(pattern, name) for name in [text, *names]):
        return True
    if not is_known(resource, declared) or not (secrets or is_known(value, declared)):
        return None
    may_match = any(one.name is None or _UNKNOWN.search(one.name) for one in secrets)
    return None if may_match and ":secret:" in pattern and is_wide(resource) else False


def is_known(value: Any, declared: Iterable[DeclaredSecret]) -> bool:
    """Tell whether the JSON says which secrets a variable's value or a policy's resource means.

    What comes from a parameter, an import, another Region or a nested stack's outputs may be any.
    """
    inner = list(intrinsics(value))
    return any(one.arn in inner for one in declared) or all(map(_is_plain, inner))


def is_wide(resource: Any) -> bool:
    """Tell whether a policy's resource stands for more than one secret."""
    return bool(re.search(r"[*?]", text_of(resource).removesuffix(_ANY_SUFFIX)))


def _is_plain(intrinsic: Mapping[str, Any]) -> bool:
    match intrinsic:
        case {"Fn::Join": _}:
            return True
        case {"Ref": str(target)}:
            return target.startswith("AWS::")
        case _:
            return False


def _covers(pattern: str, text: str) -> bool:
    """Tell whether an ARN with wildcards covers a secret's name or ARN."""
    head, _, tail = pattern.partition(":secret:")
    if not tail:
        # Not the ARN of a secret, but perhaps a wildcard over all of them.
        return pattern in _EVERYTHING or ("*" in pattern and ":secretsmanager:" in pattern)
    own_head, is_arn, name = text.partition(":secret:")
    if is_arn and "${" not in own_head + head and not fnmatchcase(own_head, head):
        # Of another account or Region.
        return False
    if is_arn and fnmatchcase(name, tail):
        return True
    return fnmatchcase((name or text) + _SOME_SUFFIX, tail)


def _get(owner: Any, key: str) -> Any:
    return cast("Mapping[str, Any]", owner).get(key) if isinstance(owner, dict) else None
