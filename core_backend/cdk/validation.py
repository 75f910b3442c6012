"""What is refused at synth: each fault with the construct's path, which CDK adds, and the fix."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import jsii
from aws_cdk import Stack, Stage, aws_iam, aws_secretsmanager
from constructs import IValidation

from core_backend._rules import RESERVED_ENV_KEYS, SETTABLE_ENV_KEYS, is_env_key
from core_backend.cdk.places import place_faults
from core_backend.deploy.grants import (
    DeclaredSecret,
    as_list,
    names_one,
    readable,
    text_of,
    told,
    wide,
)
from core_backend.deploy.template import RUNTIME_POLICY
from core_backend.names import SecretName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_cdk import aws_lambda

__all__ = ["EnvironmentChecks"]

# Source: Lambda quotas, "Environment variables". Lambda's own error quotes what it measured: the
# variables as one JSON object.
_MAX_ENVIRONMENT = 4096


@jsii.implements(IValidation)
class EnvironmentChecks:
    """Checks one function's environment when the app is synthesized."""

    def __init__(self, function: aws_lambda.Function) -> None:
        """Start with an empty environment."""
        self._function = function
        self._keys: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._faults: list[str] = []

    def variable(self, key: str, value: str) -> str | None:
        """Note a variable and return its name, or ``None`` where CDK may not have it: a fault."""
        variable = _variable_of(key)
        fault = self._key_fault(variable, key) or _value_fault(variable, value)
        if fault is not None:
            self._faults.append(fault)
            return None
        self._keys[variable] = key
        self._values[variable] = value
        return variable

    def validate(self) -> list[str]:
        """Return the faults; CDK calls this."""
        if self._faults:
            # What is missing because of them would only be noise.
            return self._faults
        stack = Stack.of(self._function)
        environment = {key: stack.resolve(value) for key, value in self._values.items()}
        names = {
            variable: environment[variable]
            for variable, key in self._keys.items()
            if isinstance(key, SecretName)
        }
        return [
            *_size_faults(environment),
            *place_faults(self._function, names),
            *self._access_faults(environment),
        ]

    def _key_fault(self, variable: str, key: str) -> str | None:
        other = self._keys.get(variable, key)
        if (other, type(other)) != (key, type(key)):
            return (
                f"{other!r} and {key!r} both need the environment variable {variable}; rename "
                f"one of them"
            )
        if not is_env_key(variable):
            return (
                f"Lambda does not allow the environment variable {variable!r}: a letter, then "
                f"letters, digits and _, two characters or more; rename it, or pass the "
                f"SecretName where it is meant to carry one"
            )
        if variable in RESERVED_ENV_KEYS - SETTABLE_ENV_KEYS:
            return (
                f"the environment variable {variable} belongs to the Lambda runtime; choose "
                f"another name"
            )
        return None

    def _access_faults(self, environment: dict[str, Any]) -> list[str]:
        role = self._function.role
        if not isinstance(role, aws_iam.Role):
            # One that another stack or nobody's template owns: what it allows is not to be seen.
            return []
        known = _Access.of(self._function, role)
        faults: list[str] = []
        if not known.hidden:
            faults += self._unreadable(environment, known)
        if role.node.scope is self._function:
            # In a role that functions share, a grant may be another's.
            faults += self._unnamed(environment, known)
        return faults

    def _unreadable(self, environment: dict[str, Any], known: _Access) -> Iterator[str]:
        for variable, key in self._keys.items():
            value = environment[variable]
            if not isinstance(key, SecretName) or known.covers(value):
                continue
            yield (
                f"the environment variable {variable} names the secret {text_of(value)!r}, which "
                f"the function may not read; call function.grant_read(secret), or pass "
                f"secrets=[secret] to make_function"
            )

    def _unnamed(self, environment: dict[str, Any], known: _Access) -> Iterator[str]:
        for resource in known.resources:
            if wide(resource) or not told(resource, known.declared):
                continue
            # The service tells a function that rotates a secret which one, in the event.
            named = [*environment.values(), *known.rotated]
            if any(names_one(value, resource, known.declared) for value in named):
                continue
            yield (
                f"the function may read the secret {known.shown(resource)}, but no environment "
                f"variable names it; add environment={{NAME: secret.secret_name}} to "
                f"make_function, or drop the grant"
            )


class _Access(NamedTuple):
    """What a function may read, as far as the app's own constructs tell."""

    resources: list[Any]
    declared: list[DeclaredSecret]
    rotated: list[Any]
    """The secrets that the function rotates."""
    hidden: bool
    """Whether a managed policy, which is not to be seen from here, may allow more."""

    @classmethod
    def of(cls, function: aws_lambda.Function, role: aws_iam.Role) -> _Access:
        stack = Stack.of(function)
        constructs = Stage.of(function).node.find_all()  # type: ignore[union-attr]  # an app is one
        policies = [one for one in constructs if isinstance(one, aws_iam.CfnPolicy)]
        secrets = [one for one in constructs if isinstance(one, aws_secretsmanager.CfnSecret)]
        schedules = [
            one for one in constructs if isinstance(one, aws_secretsmanager.CfnRotationSchedule)
        ]
        arn = stack.resolve(function.function_arn)
        resource = role.node.default_child
        assert isinstance(resource, aws_iam.CfnRole)  # noqa: S101  # the base class's own
        inline = [policy["policyDocument"] for policy in as_list(stack.resolve(resource.policies))]
        attached = [policy for policy in policies if _is_attached(policy, role)]
        documents = [Stack.of(policy).resolve(policy.policy_document) for policy in attached]
        managed = as_list(stack.resolve(resource.managed_policy_arns))
        return cls(
            resources=readable([*inline, *documents]),
            declared=[known for one in secrets if (known := _declared(one, stack)) is not None],
            rotated=[
                stack.resolve(one.secret_id)
                for one in schedules
                if stack.resolve(one.rotation_lambda_arn) == arn
            ],
            hidden=not all(RUNTIME_POLICY in text_of(one) for one in managed),
        )

    def covers(self, value: Any) -> bool:
        """Tell whether the secret that a variable's value names may, perhaps, be read."""
        return any(
            names_one(value, resource, self.declared) or not told(resource, self.declared)
            for resource in self.resources
        )

    def shown(self, resource: Any) -> str:
        """Return the construct path behind a policy's resource, or the resource itself."""
        paths = (one.path for one in self.declared if one.arn == resource)
        return next(paths, text_of(resource))


def _value_fault(variable: str, value: object) -> str | None:
    if isinstance(value, str):
        return None
    fix = "pass its text, or leave it out"
    if hasattr(value, "secret_name"):
        fix = "pass secret.secret_name"
    return f"the environment variable {variable} is to be a str, not {type(value).__name__}; {fix}"


def _variable_of(key: str) -> str:
    return key.env_key if isinstance(key, SecretName) else key


def _is_attached(policy: aws_iam.CfnPolicy, role: aws_iam.Role) -> bool:
    stack = Stack.of(policy)
    return stack.resolve(role.role_name) in as_list(stack.resolve(policy.roles))


def _declared(secret: aws_secretsmanager.CfnSecret, stack: Stack) -> DeclaredSecret | None:
    """Return how ``stack`` refers to a secret; ``None`` where it does not."""
    home = Stack.of(secret)
    arn = stack.resolve(secret.ref)
    if home.node.path != stack.node.path and arn == home.resolve(secret.ref):
        # Nothing of this stack uses it: its logical id here would be some other resource's.
        return None
    name = home.resolve(secret.name)
    owner = secret.node.scope or secret
    return DeclaredSecret(owner.node.path, arn, None if name is None else text_of(name))


def _size_faults(environment: dict[str, Any]) -> list[str]:
    # What only the deployment knows counts as nothing, so no environment is refused wrongly.
    known = {key: re.sub(r"\$\{.*?\}", "", text_of(value)) for key, value in environment.items()}
    size = _json_size(known)
    if size <= _MAX_ENVIRONMENT:
        return []
    largest = ", ".join(sorted(known, key=lambda key: -len(known[key]))[:3])
    fault = (
        f"the environment takes {size:,} bytes, as JSON, of the {_MAX_ENVIRONMENT:,} that Lambda "
        f"allows; the largest are {largest}: move settings to a file in the code, or to one secret"
    )
    return [fault]


def _json_size(environment: dict[str, str]) -> int:
    text = json.dumps(environment, separators=(",", ":"), ensure_ascii=False)
    return len(text.encode())
