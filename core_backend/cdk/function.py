"""A Lambda function whose environment is keyed by secret names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import Duration, aws_lambda, aws_logs

from core_backend.cdk.secret import Secret
from core_backend.cdk.validation import EnvironmentChecks
from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from aws_cdk import aws_iam, aws_secretsmanager
    from constructs import Construct

__all__ = ["Function", "make_function"]

# Left out of the asset: it differs from run to run, and Lambda would be deployed again for it.
_LITTER = ["**/__pycache__", "**/*.pyc", "**/.*_cache", "cdk.out"]


class Function(aws_lambda.Function):
    """An ``aws_lambda.Function`` whose environment may be keyed by ``SecretName``.

    Synthesis refuses, with the construct's path and the fix: two names for one variable; a
    variable that Lambda does not allow or keeps for itself; an environment over 4 KB; a secret in
    the environment that the function may not read, or whose plain name is looked up in another
    account or Region than the secret's; a secret it may read that the environment does not name.

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
        environment: Mapping[str, str] | None = None,
        **props: Any,
    ) -> None:
        super().__init__(scope, id, **props)
        self._checks = EnvironmentChecks(self)
        self.node.add_validation(self._checks)
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
        """Set a variable, as the base class does. A ``SecretName`` becomes its ``env_key``."""
        variable = self._checks.variable(key, value)
        if variable is not None:
            super().add_environment(variable, value, remove_in_edge=remove_in_edge)
        return self

    def _check_declared(self, secret: object) -> None:
        if not isinstance(secret, Secret):
            raise ConfigurationError(
                f"{self.node.path}: secrets takes what core_backend.cdk.Secret declares, and "
                f"{type(secret).__name__} carries no SecretName; pass "
                f"environment={{NAME: secret.secret_name}} and call function.grant_read(secret)"
            )


def make_function(  # noqa: PLR0913  # a function has that many settings
    scope: Construct,
    id: str,  # noqa: A002  # CDK's word
    *,
    secrets: Iterable[Secret] = (),
    environment: Mapping[str, str] | None = None,
    entry: str | os.PathLike[str] | None = None,
    exclude: Sequence[str] = (),
    **props: Any,
) -> Function:
    """Make a ``Function`` with defaults that suit a Python handler on Lambda.

    Python 3.13 on arm64, 512 MB, 30 s, JSON logs in a log group that keeps them a month, tracing
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


def _defaults() -> dict[str, Any]:
    return {
        # The newest that the tests cover.
        "runtime": aws_lambda.Runtime.PYTHON_3_13,
        "architecture": aws_lambda.Architecture.ARM_64,
        "memory_size": 512,
        "timeout": Duration.seconds(30),
        "tracing": aws_lambda.Tracing.ACTIVE,
    }
