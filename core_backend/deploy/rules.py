"""What can be wrong with a template, whatever the code: rules for CDK's synthesis and ``check``.

Each rule has a name, under which it can be acknowledged. An error cannot work on AWS; a warning
may be meant. What the template does not tell is neither.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend._rules import RESERVED_ENV_KEYS, SETTABLE_ENV_KEYS, is_env_key
from core_backend.deploy.grants import (
    as_list,
    find_secret,
    intrinsics,
    is_known,
    is_wide,
    match_secret,
    text_of,
)
from core_backend.deploy.references import object_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from core_backend.deploy.grants import DeclaredSecret
    from core_backend.deploy.template import Template, TemplateFunction

__all__ = [
    "Finding",
    "check_function",
    "check_secrets",
    "check_variable",
    "find_key_fault",
]

# Source: Lambda quotas, "Environment variables". Lambda's own error quotes what it measured: the
# variables as one JSON object.
_MAX_ENVIRONMENT = 4096
# The first fetch of a cold start may take as long as this by itself.
_MIN_TIMEOUT = 3
_DYNAMIC = "{{resolve:secretsmanager:"


class Finding(NamedTuple):
    """One thing that is wrong."""

    rule: str
    """Its name, such as ``secret-not-readable``."""
    key: str
    """The logical id of the resource, as ``Template.resources`` has it."""
    message: str
    """What is wrong."""
    fix: str
    """What to do about it."""
    is_error: bool = True

    def __str__(self) -> str:
        """Return what is wrong, and what to do."""
        return f"{self.message}; {self.fix}"


def check_function(
    template: Template, function: TemplateFunction, names: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Yield what is wrong with a function.

    Args:
        template: What declares it.
        function: The function.
        names: Its variables that are known to carry a secret's real name, each with the name.
            ``None`` where nothing is known of it; then a grant on a secret that no variable
            names is no more than a warning.
    """
    environment = function.environment
    keys = [fault for variable in environment if (fault := find_key_fault(variable))]
    yield from (Finding(rule, function.key, message, fix) for rule, message, fix in keys)
    if keys:
        # What is missing because of them would only be noise.
        return
    yield from _check_size(function)
    for variable, value in environment.items():
        is_secret = any(find_secret(one, template.secrets) for one in as_list(value))
        if is_secret or variable in (names or ()) or _DYNAMIC in text_of(value):
            yield from check_variable(template, function, variable)
    yield from _check_unnamed(template, function, is_error=names is not None)
    timeout = function.properties.get("Timeout", _MIN_TIMEOUT)
    if isinstance(timeout, int) and timeout < _MIN_TIMEOUT and environment:
        yield Finding(
            "short-timeout",
            function.key,
            f"its timeout is {timeout} s, and the first fetch of a cold start may take longer",
            f"set it to {_MIN_TIMEOUT} s or more",
            is_error=False,
        )
    yield from _check_network(template, function)


def find_key_fault(variable: str) -> tuple[str, str, str] | None:
    """Return why Lambda refuses a variable of that name: the rule, what is wrong, and the fix."""
    if not is_env_key(variable):
        return (
            "variable-not-allowed",
            (
                f"Lambda does not allow the environment variable {variable!r}: a letter, then "
                f"letters, digits and _, two characters or more"
            ),
            (
                "rename it; if it is meant to carry a secret's name, use NAME.env_key of its "
                "SecretName"
            ),
        )
    if variable in RESERVED_ENV_KEYS - SETTABLE_ENV_KEYS:
        return (
            "variable-reserved",
            f"the environment variable {variable} belongs to the Lambda runtime",
            "choose another name",
        )
    return None


def check_variable(
    template: Template, function: TemplateFunction, variable: str
) -> Iterator[Finding]:
    """Yield what is wrong with a variable that carries a secret's real name."""
    value = function.environment[variable]
    if _DYNAMIC in json.dumps(value):
        yield Finding(
            "secret-value-in-variable",
            function.key,
            f"the environment variable {variable} gets the value of a secret, in plain text, "
            f"from {{{{resolve:secretsmanager:...}}}}",
            "pass the secret's name: environment={NAME: secret.secret_name}",
        )
        return
    places = [
        finding
        for one in as_list(value)
        for finding in _check_place(template, function, variable, one)
    ]
    yield from places
    if any(one.is_error for one in places):
        return
    shown = _shown(template, value)
    if template.may_read(function, value) is False:
        yield Finding(
            "secret-not-readable",
            function.key,
            f"the environment variable {variable} names the secret {shown!r}, which the function "
            f"may not read",
            "allow it secretsmanager:GetSecretValue on that secret, in CDK with "
            "function.grant_read(secret)",
        )
    if template.may_decrypt(function, value) is False:
        yield Finding(
            "secret-not-decryptable",
            function.key,
            f"the environment variable {variable} names the secret {shown!r}, which has a KMS key "
            f"of its own, and the function may not decrypt with it",
            "allow it kms:Decrypt on that key, in CDK with function.grant_read(secret)",
        )


def check_secrets(template: Template) -> Iterator[Finding]:
    """Yield what may go wrong with the secrets themselves."""
    for secret in template.secrets:
        properties = template.properties_of(secret)
        resource = template.resources[secret.arn["Ref"]]
        filled = properties.keys() & {"SecretString", "GenerateSecretString"}
        kept = all(
            str(resource.get(policy, "Delete")).startswith("Retain")
            for policy in ("DeletionPolicy", "UpdateReplacePolicy")
        )
        if not filled and not kept:
            yield Finding(
                "secret-not-retained",
                secret.arn["Ref"],
                "the secret is filled by hand, and its value is lost when the resource is "
                "removed or gets another name",
                "set DeletionPolicy and UpdateReplacePolicy to Retain, in CDK "
                "removal_policy=RemovalPolicy.RETAIN",
                is_error=False,
            )


def _check_size(function: TemplateFunction) -> Iterator[Finding]:
    # What only the deployment knows counts as nothing, so no environment is refused wrongly.
    known = {
        key: re.sub(r"\$\{.*?\}", "", _longest(value))
        for key, value in function.environment.items()
    }
    text = json.dumps(known, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode())
    if size > _MAX_ENVIRONMENT:
        largest = ", ".join(sorted(known, key=lambda key: -len(known[key]))[:3])
        yield Finding(
            "environment-too-large",
            function.key,
            f"the environment takes {size:,} bytes, as JSON, of the {_MAX_ENVIRONMENT:,} that "
            f"Lambda allows; the largest are {largest}",
            "move settings to a file in the code, or to one secret",
        )


def _longest(value: Any) -> str:
    match value:
        case {"Fn::If": [_, one, other]}:
            return min(_longest(one), _longest(other), key=len)
        case {"Fn::Join": _} | str():
            return text_of(value)
        case _:
            return ""


def _check_place(
    template: Template, function: TemplateFunction, variable: str, value: Any
) -> Iterator[Finding]:
    """Compare where a plain name is looked up with where its secret is."""
    named = [one for one in template.secrets if one.name is not None and value == one.name]
    here = template.stacks[function.stack]
    if not named or any(
        one.stack == function.stack or _is_at(template, one, here.account, here.region)
        for one in named
    ):
        return
    replicas = [one for one in named if _has_replica(template, one, here.region)]
    if replicas:
        if not template.may_read(function, _replica_arn(replicas[0], here.region)):
            yield Finding(
                "replica-not-readable",
                function.key,
                f"the environment variable {variable} names the secret {value!r}, whose replica "
                f"in {here.region} has an ARN of its own, and the function may not read that",
                f"allow it secretsmanager:GetSecretValue on arn:aws:secretsmanager:{here.region}:"
                f"*:secret:{value}-??????",
                is_error=False,
            )
        return
    home = template.stacks[named[0].stack]
    yield Finding(
        "secret-elsewhere",
        function.key,
        f"the environment variable {variable} names the secret {value!r} of {home.name}, in "
        f"account {home.account or 'of the deployment'} and Region "
        f"{home.region or 'of the deployment'}, but a plain name is looked up in the function's "
        f"own",
        "pass its full ARN: in CDK environment={NAME: secret.secret_arn}, with "
        "cross_region_references=True on both stacks where the Region differs",
    )


def _is_at(
    template: Template, secret: DeclaredSecret, account: str | None, region: str | None
) -> bool:
    home = template.stacks[secret.stack]
    return (home.account in (account, None) or account is None) and (
        home.region in (region, None) or region is None
    )


def _has_replica(template: Template, secret: DeclaredSecret, region: str | None) -> bool:
    replicas = as_list(template.properties_of(secret).get("ReplicaRegions"))
    return any(object_of({"": one}, "").get("Region") == region for one in replicas)


def _replica_arn(secret: DeclaredSecret, region: str | None) -> str:
    return f"arn:aws:secretsmanager:{region}:*:secret:{secret.name}-AbCdEf"


def _check_unnamed(
    template: Template, function: TemplateFunction, *, is_error: bool
) -> Iterator[Finding]:
    """Find grants of a function's own role that no variable of it makes use of."""
    if not _has_own_role(function):
        # In a role that functions share, a grant may be another's.
        return
    # The service tells a function that rotates a secret which one, in the event.
    rotated = [
        one.get("SecretId")
        for _, one in template.of_type("SecretsManager::RotationSchedule")
        if {"Fn::GetAtt": [function.key, "Arn"]} in intrinsics(one.get("RotationLambdaARN"))
    ]
    named = [
        part for value in [*function.environment.values(), *rotated] for part in as_list(value)
    ]
    for resource in template.readable(function):
        if is_wide(resource) or not is_known(resource, template.secrets):
            continue
        if any(match_secret(value, resource, template.secrets) is not False for value in named):
            continue
        yield Finding(
            "secret-not-named",
            function.key,
            f"the function may read the secret {_shown(template, resource)}, but no environment "
            f"variable names it",
            "add environment={NAME: secret.secret_name} to the function, or drop the grant",
            is_error=is_error,
        )


def _has_own_role(function: TemplateFunction) -> bool:
    """Tell whether CDK or SAM made the role for this function alone: they call it after it."""
    match function.properties.get("Role"):
        case {"Fn::GetAtt": [str(key), "Arn"]}:
            own = re.sub(r"[0-9A-F]{8}$", "ServiceRole", function.key)
            return key.startswith(own) or key == f"{function.key}Role"
        case _:
            return False


def _check_network(template: Template, function: TemplateFunction) -> Iterator[Finding]:
    """Find a function in subnets from which there is no way to Secrets Manager."""
    subnets = as_list(function.properties.get("VpcConfig", {}).get("SubnetIds"))
    references = [object_of({"": one}, "").get("Ref") for one in subnets]
    keys = [str(one) for one in references if one is not None]
    if not subnets or len(keys) < len(subnets) or not function.environment:
        return
    if any(key not in template.resources or _leads_out(template, key) for key in keys):
        return
    vpcs = [object_of(template.resources[key], "Properties").get("VpcId") for key in keys]
    for _, endpoint in template.of_type("EC2::VPCEndpoint"):
        service = text_of(endpoint.get("ServiceName"))
        if endpoint.get("VpcId") in vpcs and ("secretsmanager" in service or "${" in service):
            return
    yield Finding(
        "no-way-to-secrets-manager",
        function.key,
        "the function is in subnets without a route to the internet and without an interface "
        "endpoint, so no fetch reaches Secrets Manager",
        "add a VPC endpoint for com.amazonaws.<Region>.secretsmanager, in CDK "
        "vpc.add_interface_endpoint, or a NAT gateway",
        is_error=False,
    )


def _leads_out(template: Template, subnet: str) -> bool:
    """Tell whether a subnet's route table has a route that may lead out of the VPC."""
    tables = [
        one.get("RouteTableId")
        for _, one in template.of_type("EC2::SubnetRouteTableAssociation")
        if one.get("SubnetId") == {"Ref": subnet}
    ]
    routes = [one for _, one in template.of_type("EC2::Route") if one.get("RouteTableId") in tables]
    # Without an association it is the VPC's main route table, which is not to be seen.
    return not tables or bool(routes)


def _shown(template: Template, value: Any) -> str:
    secret = find_secret(value, template.secrets)
    if secret is None:
        return text_of(value)
    return secret.name or secret.path
