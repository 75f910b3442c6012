"""A Lambda function whose environment is keyed by secret names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import Duration, aws_lambda, aws_logs

from core_backend.cdk.checks import Known, register
from core_backend.cdk.secret import Secret
from core_backend.deploy.rules import find_key_fault
from core_backend.errors import ConfigurationError
from core_backend.names import SecretName

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeGuard, Unpack

    from aws_cdk import aws_iam, aws_secretsmanager
    from constructs import Construct

    from core_backend.cdk.properties import FunctionProperties

    Environment = Mapping[str, str] | Mapping[SecretName[Any], str]

__all__ = ["Function", "make_function"]

# Left out of the asset: it differs from run to run, and Lambda would be deployed again for it.
_LITTER = ["**/__pycache__", "**/*.pyc", "**/.*_cache", "cdk.out"]


class Function(aws_lambda.Function):
    """An ``aws_lambda.Function`` whose environment may be keyed by ``SecretName``.

    Synthesis checks it, and every other function of the app: see ``check_functions``.

    Args:
        scope: The construct it belongs to.
        id: Its construct id.
        secrets: Secrets to put into the environment, each under its ``env_key``, and to grant.
        environment: Variables. A ``SecretName`` becomes its ``env_key``.
        **props: Every other property of the base class.

    Raises:
        ConfigurationError: ``secrets`` has one that was not declared by a ``Secret``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002  # CDK's word
        *,
        secrets: Iterable[Secret] = (),
        environment: Environment | None = None,
        **props: Unpack[FunctionProperties],
    ) -> None:
        properties: Any = props
        super().__init__(scope, id, **properties)
        self._keys: dict[str, str] = {}
        self._known = Known(self, {}, [])
        register(self._known)
        for key, value in (environment or {}).items():
            self.add_environment(key, value)
        for secret in secrets:
            self._check_declared(secret)
            self.add_environment(secret.declared_name, secret.secret_name)
            self.grant_read(secret)

    def grant_read(
        self, secret: aws_secretsmanager.ISecret | aws_secretsmanager.Secret
    ) -> aws_iam.Grant:
        """Let the function read the secret: GetSecretValue and DescribeSecret, on it alone."""
        return secret.grant_read(self)

    def add_environment(
        self, key: str, value: str, *, remove_in_edge: bool | None = None
    ) -> aws_lambda.Function:
        """Set a variable, as the base class does. A ``SecretName`` becomes its ``env_key``.

        Where two keys need the same variable, Lambda does not allow it, or a value is not a
        ``str``, synthesis fails.
        """
        variable = key.env_key if _is_secret_name(key) else key
        fault = (
            self._find_shared(variable, key)
            or find_key_fault(variable)
            or _find_value_fault(variable, value)
        )
        if fault is not None:
            self._known.faults.append(fault)
            return self
        self._keys[variable] = key
        if _is_secret_name(key):
            self._known.names[variable] = str(key)
        return super().add_environment(variable, value, remove_in_edge=remove_in_edge)

    def _find_shared(self, variable: str, key: str) -> tuple[str, str, str] | None:
        other = self._keys.get(variable, key)
        if (str(other), type(other)) == (str(key), type(key)):
            return None
        return (
            "variable-shared",
            (
                f"{other!r} and {key!r} both need the environment variable {variable}, so one of "
                f"them would get the other's value"
            ),
            "rename one of them",
        )

    def _check_declared(self, secret: object) -> None:
        if not isinstance(secret, Secret):
            raise ConfigurationError(
                f"{self.node.path}: secrets takes what core_backend.cdk.Secret declares, and "
                f"{type(secret).__name__} has no SecretName; pass "
                f"environment={{NAME: secret.secret_name}} and call function.grant_read(secret)"
            )


def make_function(  # noqa: PLR0913  # a function has that many settings
    scope: Construct,
    id: str,  # noqa: A002  # CDK's word
    *,
    secrets: Iterable[Secret] = (),
    environment: Environment | None = None,
    entry: str | os.PathLike[str] | None = None,
    exclude: Sequence[str] = (),
    **props: Unpack[FunctionProperties],
) -> Function:
    """Make a ``Function`` with defaults that suit a Python handler on Lambda.

    Python 3.14 on arm64, 512 MB, 30 s, JSON logs in a log group that keeps them a month, tracing
    on. Each can be overridden by the property of ``aws_lambda.Function`` it is.

    Args:
        scope: The construct it belongs to.
        id: Its construct id.
        secrets: Secrets to put into the environment, each under its ``env_key``, and to grant.
        environment: Variables. A ``SecretName`` becomes its ``env_key``.
        entry: The folder with the handler's code; or give ``code``.
        exclude: What to leave out of ``entry``, besides caches, as glob patterns.
        **props: Every other property of ``aws_lambda.Function``; ``handler`` is required.

    Raises:
        ConfigurationError: Both of ``entry`` and ``code`` are given, or neither is; or ``secrets``
            has one that was not declared by a ``Secret``.
    """
    if (entry is None) == (props.get("code") is None):
        raise ConfigurationError(
            f"{scope.node.path}/{id}: a function takes either entry or code; pass entry='src', "
            f"the folder with its handler"
        )
    if entry is not None:
        # Absolute, because Node was started in some folder and does not follow os.chdir.
        folder = str(Path(entry).absolute())
        props["code"] = aws_lambda.Code.from_asset(folder, exclude=[*_LITTER, *exclude])
    if not props.keys() & {"log_group", "log_retention"}:
        month = aws_logs.RetentionDays.ONE_MONTH
        props["log_group"] = aws_logs.LogGroup(scope, f"{id}Logs", retention=month)
    if "log_format" not in props:
        props.setdefault("logging_format", aws_lambda.LoggingFormat.JSON)
    return Function(scope, id, secrets=secrets, environment=environment, **(_defaults() | props))


def _defaults() -> FunctionProperties:
    defaults: Any = {
        # The newest that the tests cover.
        "runtime": aws_lambda.Runtime.PYTHON_3_14,
        "architecture": aws_lambda.Architecture.ARM_64,
        "memory_size": 512,
        "timeout": Duration.seconds(30),
        "tracing": aws_lambda.Tracing.ACTIVE,
    }
    properties: FunctionProperties = defaults
    return properties


def _find_value_fault(variable: str, value: object) -> tuple[str, str, str] | None:
    if isinstance(value, str):
        return None
    fix = "pass its text, or leave it out"
    if hasattr(value, "secret_name"):
        fix = "pass secret.secret_name"
    message = f"the environment variable {variable} is to be a str, not {type(value).__name__}"
    return "variable-not-text", message, fix


def _is_secret_name(key: object) -> TypeGuard[SecretName[Any]]:
    return isinstance(key, SecretName)
