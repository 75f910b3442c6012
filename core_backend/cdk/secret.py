"""A secret of Secrets Manager, named by its one declaration and created empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import RemovalPolicy, Token, aws_secretsmanager

from core_backend._rules import check_name
from core_backend.errors import ConfigurationError, InvalidSecretNameError
from core_backend.names import get_resource_name

if TYPE_CHECKING:
    from typing import Unpack

    from constructs import Construct

    from core_backend.cdk.properties import SecretProperties
    from core_backend.names import SecretName

__all__ = ["Secret"]

_GENERATOR = "generate_secret_string"
_VALUES = ("secret_string_value", "secret_object_value", "secret_string_beta1")


class Secret(aws_secretsmanager.Secret):
    """An ``aws_secretsmanager.Secret`` whose construct id and real name come from a ``SecretName``.

    It is created without a value, so that a secret nobody filled is a ``SecretNotSetError`` at run
    time. The base class alone would have Secrets Manager generate a password, which fetches fine
    and fails at whoever it is sent to.

    Args:
        scope: The construct it belongs to, as a rule the stack.
        name: The declaration that the handler shares.
        env_name: The environment, such as ``"dev"``; the real name is then
            ``get_resource_name(name, env_name)``.
        secret_name: The real name, instead of ``env_name``. One of the two is required: a name
            that CloudFormation makes up could not be found by whoever fills the secret.
        generate: Whether Secrets Manager generates a password as the first value.
        **props: Any other property of the base class. A value or a generator given here is used.

    Raises:
        ConfigurationError: The arguments contradict each other, or leave the real name open.
        InvalidSecretNameError: The real name is no legal one.
    """

    declared_name: SecretName[Any]
    """The declaration that it came from."""

    def __init__(
        self,
        scope: Construct,
        name: SecretName[Any],
        *,
        env_name: str | None = None,
        secret_name: str | None = None,
        generate: bool = False,
        **props: Unpack[SecretProperties],
    ) -> None:
        path = f"{scope.node.path}/{name}"
        self.declared_name = name
        self._real_name = _real_name(path, name, env_name, secret_name)
        empty = _starts_empty(path, generate=generate, props=props)
        if empty:
            # What people fill by hand is gone with the resource, and renaming makes another.
            props.setdefault("removal_policy", RemovalPolicy.RETAIN)
        properties: Any = props
        super().__init__(scope, str(name), secret_name=self._real_name, **properties)
        if empty:
            resource = self.node.default_child
            assert isinstance(resource, aws_secretsmanager.CfnSecret)  # noqa: S101  # the base class's own
            resource.generate_secret_string = None

    @property
    def secret_name(self) -> str:
        """The real name, in plain text wherever it was given so.

        The base class cuts it out of the ARN, which only the deployment knows: the check of the
        environment's size, the template and whoever reads it could not tell what it is.
        """
        return self._real_name


def _real_name(path: str, name: str, env_name: str | None, secret_name: str | None) -> str:
    if (env_name is None) == (secret_name is None):
        raise ConfigurationError(
            f"{path}: a secret takes either env_name or secret_name; pass env_name='dev', or "
            f"secret_name=get_resource_name(name, 'dev')"
        )
    if env_name is not None:
        return _name_in(path, name, env_name)
    if not Token.is_unresolved(secret_name):
        check_name(secret_name, f"secret_name of {path}")
    return str(secret_name)


def _name_in(path: str, name: str, env_name: str) -> str:
    if Token.is_unresolved(env_name):
        raise ConfigurationError(
            f"{path}: only the deployment knows this env_name, and it cannot be checked; pass "
            f'secret_name=f"{{env_name}}/{name}", which may be a token'
        )
    try:
        return get_resource_name(name, env_name)
    except InvalidSecretNameError as error:
        raise InvalidSecretNameError(f"{path}: {error}; pass another env_name") from None


def _starts_empty(path: str, *, generate: bool, props: SecretProperties) -> bool:
    values = [name for name in _VALUES if props.get(name) is not None]
    if generate and values:
        raise ConfigurationError(
            f"{path}: generate=True and {values[0]} both give the first value; drop one of them"
        )
    return not generate and not values and props.get(_GENERATOR) is None
