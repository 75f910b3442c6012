"""The options that commands share, declared once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from core_backend.cli.declarations import Declarations, DeclaredSecret, load_declarations
from core_backend.cli.run import CommandError, Run
from core_backend.errors import CoreBackendError
from core_backend.names import get_resource_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "assume_yes",
    "common",
    "complete_name",
    "environment",
    "examples",
    "find_name",
    "names",
    "output",
    "refuse_value",
]

F = TypeVar("F", bound="Callable[..., Any]")


def common(command: F) -> F:
    """Add the options of the AWS CLI, and ``--debug``.

    The group and each command have them, so they may stand before or after the command's name.
    The last one wins.
    """
    for add in reversed(
        [
            _run_option(
                "--profile", metavar="NAME", help="The AWS profile whose credentials are used."
            ),
            _run_option("--region", metavar="REGION", help="The AWS Region."),
            _run_option("--endpoint-url", metavar="URL", help="Another endpoint than AWS's own."),
            _run_option("--debug", is_flag=True, help="Show a traceback, with all values masked."),
        ]
    ):
        command = add(command)
    return command


def examples(*lines: str) -> str:
    """Return the examples for the end of a help text. An indented line continues the last one."""
    several = sum(not line.startswith(" ") for line in lines) > 1
    return "\n".join(["\b", "Examples:" if several else "Example:", *map("  {}".format, lines)])


def _run_option(option: str, **settings: Any) -> Callable[[F], F]:
    return click.option(option, expose_value=False, callback=_store_in_run, **settings)


def _store_in_run(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value and parameter.name:
        setattr(context.ensure_object(Run), parameter.name, value)


def _declarations(module: str) -> Declarations:
    try:
        return load_declarations(module)
    except CommandError:
        # The call was right, but the module is wrong: that is exit code 1.
        raise
    except CoreBackendError as error:
        raise click.BadParameter(str(error)) from error


def _environment(name: str) -> str:
    try:
        get_resource_name("any", name)
    except CoreBackendError as error:
        raise click.BadParameter(str(error)) from error
    return name


def names(*, required: bool = True) -> Callable[[F], F]:
    """Add ``--names``, which becomes ``Declarations``."""
    return click.option(
        "--names",
        "declared",
        type=_declarations,
        required=required,
        metavar="MODULE",
        help="The module that declares the secrets: app.secret_names, or a path to a .py file.",
    )


def find_name(declared: Declarations, name: str) -> DeclaredSecret:
    """Return the declared secret that the argument NAME means.

    Raises:
        click.BadParameter: There is none.
    """
    try:
        return declared.find(name)
    except CoreBackendError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from None


def _refuse(context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> None:
    if value:
        raise click.UsageError(
            "a value must not be an argument, because it would stay in the shell's history; leave "
            "it out, and the command asks for it or reads it from standard input",
            context,
        )


# This takes what follows the name, because click itself would quote it.
refuse_value = click.argument("value", nargs=-1, metavar="", expose_value=False, callback=_refuse)


def complete_name(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Offer a shell the declared names, if ``--names`` comes before."""
    declared = context.params.get("declared")
    secrets = declared.secrets if isinstance(declared, Declarations) else ()
    return [secret.name for secret in secrets if secret.name.startswith(incomplete)]


def environment(*, default: str | None = None) -> Callable[[F], F]:
    """Add ``--env``. Without a default it is required."""
    # click takes None for a default.
    settings: dict[str, Any] = {"required": True}
    if default is not None:
        settings = {"default": default, "show_default": True}
    return click.option(
        "--env",
        "env_name",
        type=_environment,
        **settings,
        metavar="NAME",
        help="The environment: the real name of a secret is NAME/name.",
    )


output = click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="The form of the output: for a person or for a program.",
)

assume_yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
