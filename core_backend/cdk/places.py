"""Whether a secret is where its plain name is looked up: the function's account and Region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack, Stage, Token, aws_secretsmanager

from core_backend.deploy.grants import as_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from constructs import Construct

__all__ = ["place_faults"]


def place_faults(function: Construct, names: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the plain names in a function's variables, if the stacks tell.

    A full ARN is asked where it points to. What only the deployment knows is not judged.
    """
    here = Stack.of(function)
    constructs = Stage.of(function).node.find_all()  # type: ignore[union-attr]  # an app is one
    secrets = [one for one in constructs if isinstance(one, aws_secretsmanager.CfnSecret)]
    for variable, value in names.items():
        named = [one for one in secrets if value == Stack.of(one).resolve(one.name)]
        if named and not any(_is_in(here, one) for one in named):
            home = Stack.of(named[0])
            yield (
                f"the environment variable {variable} names the secret {value!r} of "
                f"{home.node.path}, in account {_shown(home.account)} and Region "
                f"{_shown(home.region)}, but a plain name is looked up in the function's own; "
                f"pass environment={{NAME: secret.secret_arn}} with cross_region_references=True "
                f"on both stacks, or, of another account, its full ARN as text"
            )


def _is_in(here: Stack, secret: aws_secretsmanager.CfnSecret) -> bool:
    home = Stack.of(secret)
    replicas = as_list(home.resolve(secret.replica_regions))
    regions = [home.region, *(one["region"] for one in replicas if "region" in one)]
    return _may_be(here.account, [home.account]) and _may_be(here.region, regions)


def _may_be(one: str, others: list[str]) -> bool:
    return any(one == other or Token.is_unresolved(other) for other in others) or bool(
        Token.is_unresolved(one)
    )


def _shown(part: str) -> str:
    return "of the deployment" if Token.is_unresolved(part) else part
