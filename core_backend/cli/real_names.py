"""The real names of declared secrets: by environment, out of a template or a deployed function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_backend.cli.declarations import Target
from core_backend.cli.run import CommandError
from core_backend.deploy.formats import read_templates
from core_backend.deploy.grants import intrinsics, text_of
from core_backend.errors import InvalidSecretNameError
from core_backend.names import SecretId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from core_backend.cli.aws import Account
    from core_backend.cli.declarations import DeclaredSecret, RealNames

__all__ = ["find_targets"]


def find_targets(
    account: Account,
    secrets: Sequence[DeclaredSecret],
    real_names: RealNames,
    *,
    required: bool = False,
) -> list[Target]:
    """Return the real names of secrets.

    Args:
        account: Where a deployed function is looked up.
        secrets: The declared secrets.
        real_names: Where the real names come from.
        required: Whether every secret must be known there. A function has variables only for the
            secrets that it uses; otherwise the others are left out.

    Raises:
        CommandError: The function or template cannot be read, or does not tell one real name.
    """
    if real_names.env_name is not None:
        return [Target(secret, secret.real_name(real_names.env_name)) for secret in secrets]
    keys = {key for secret in secrets for key in secret.env_keys}
    if real_names.function is not None:
        variables = account.get_function_variables(real_names.function)
        found = {key: {variables[key]} for key in keys & variables.keys()}
    else:
        found = _read_templates(real_names, keys)
    named = [(secret, _find_real_name(secret, found, real_names)) for secret in secrets]
    absent = [secret for secret, real_name in named if real_name is None]
    if required and absent:
        variables_of = "; ".join(f"{one.name}: {' or '.join(one.env_keys)}" for one in absent)
        raise CommandError(
            f"{real_names} does not have the variable of each secret ({variables_of})",
            "Deploy a function that has it, or pass --env.",
        )
    return [Target(secret, real_name) for secret, real_name in named if real_name is not None]


def _read_templates(real_names: RealNames, keys: AbstractSet[str]) -> dict[str, set[str]]:
    """Return what the functions of the templates have in the variables of the secrets."""
    template = read_templates(real_names.templates)
    found: dict[str, set[str]] = {}
    for function in template.functions:
        for key in keys & function.environment.keys():
            value = function.environment[key]
            parts = list(intrinsics(value))
            names = [secret.name for secret in template.secrets if secret.arn in parts]
            found.setdefault(key, set()).add((names or [text_of(value)])[0] or "${}")
    return found


def _find_real_name(
    secret: DeclaredSecret, found: Mapping[str, set[str]], real_names: RealNames
) -> str | None:
    names = sorted({name for key in secret.env_keys for name in found.get(key, ())})
    match names:
        case []:
            return None
        case [name] if "${" in name:
            raise CommandError(
                f"{real_names} leaves the real name of {secret.name} to the deployment",
                "Deploy it, and pass --from-function.",
            )
        case [name]:
            try:
                return str(SecretId(name))
            except InvalidSecretNameError as error:
                raise CommandError(
                    f"{real_names}, {' or '.join(secret.env_keys)}: {error}"
                ) from None
        case _:
            raise CommandError(
                f"{real_names} has several real names for {secret.name}: {', '.join(names)}",
                "Pass --env, or --from-function with the function that you mean.",
            )
