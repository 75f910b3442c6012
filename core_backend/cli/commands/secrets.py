"""``core-backend secrets``: see, fill and compare the secrets that a module declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core_backend.cli.options import (
    assume_yes,
    common,
    complete_name,
    create,
    environment,
    environments,
    examples,
    find_name,
    names,
    real_names,
    refuse_value,
    with_run,
)

if TYPE_CHECKING:
    from core_backend.cli.declarations import Declarations, RealNames
    from core_backend.cli.run import Run

__all__ = ["secrets"]

_name = click.argument("name", shell_complete=complete_name)


@click.group(epilog=examples("core-backend secrets status --names app.secret_names --env dev"))
@common
@click.pass_context
def secrets(context: click.Context) -> None:
    """See, fill and compare the secrets that a module declares."""
    if context.invoked_subcommand == "set":
        from core_backend.cli.terminal import hide_typing

        # Before anything slow: a value may be typed, or pasted, before it is asked for.
        context.with_resource(hide_typing())


@secrets.command(
    short_help="Show which secrets are set, and check their values.",
    epilog=examples(
        "core-backend secrets status --names app.secret_names --env dev",
        "core-backend secrets status --names app.secret_names --env prod --verify",
        "core-backend secrets status --names app.secret_names --from-function shop-charge",
    ),
)
@real_names
@click.option("--verify", is_flag=True, help="Fetch the values, and check them.")
@with_run
def status(run: Run, declared: Declarations, real_names: RealNames, *, verify: bool) -> int:
    """Show which secrets are set, and which still have no value.

    Without --verify, no value is fetched. With it, each value is fetched and checked: it has the
    declared shape, neither begins nor ends with white space, and is not the one that its stack
    generated. The exit code is 1 unless all secrets are set, and their values right.
    """
    from core_backend.cli.status import show_status

    return show_status(run, declared, real_names, verify=verify)


@secrets.command(
    "set",
    epilog=examples(
        "core-backend secrets set stripe-api-key --names app.secret_names --env dev",
        "core-backend secrets set tls-key --names app.secret_names --env dev < key.pem",
    ),
)
@_name
@refuse_value
@real_names
@create
@assume_yes
@with_run
def set_(run: Run, name: str, declared: Declarations, real_names: RealNames) -> None:
    """Give the secret NAME a value.

    On a terminal, the value is asked for twice and not shown. Otherwise it is read from standard
    input. It is checked against the shape that NAME declares before anything is written.
    """
    secret = find_name(declared, name)
    from core_backend.cli.writes import set_secret

    set_secret(run, secret, real_names)


@secrets.command(
    "import",
    epilog=examples(
        "core-backend secrets import dev.env --names app.secret_names --env dev",
        "core-backend secrets import prod.json --names app.secret_names --env prod --yes",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@real_names
@create
@assume_yes
@with_run
def import_(run: Run, file: Path, declared: Declarations, real_names: RealNames) -> None:
    """Give many secrets the values that FILE has for them.

    FILE is a .json file with one object, or a .env file. Its keys are declared names or their
    environment variables. For a value that is declared as binary, use secrets set. The command
    shows a plan, asks, and then writes. If it is interrupted, run it again to write the rest.
    """
    from core_backend.cli.writes import import_secrets

    import_secrets(run, file, declared, real_names)


@secrets.command(
    short_help="Show that a secret has a value, or the value.",
    epilog=examples(
        "core-backend secrets get stripe-api-key --names app.secret_names --env dev",
        "core-backend secrets get tls-key --names app.secret_names --env dev --reveal > key.pem",
    ),
)
@_name
@real_names
@click.option("--reveal", is_flag=True, help="Print the value itself, exactly as it is stored.")
@assume_yes
@with_run
def get(
    run: Run, name: str, declared: Declarations, real_names: RealNames, *, reveal: bool
) -> None:
    """Show that the secret NAME has a value, and with --reveal the value.

    On a terminal, --reveal asks first. In JSON, a binary value is base64.
    """
    secret = find_name(declared, name)
    from core_backend.cli.reads import get_secret

    get_secret(run, secret, real_names, reveal=reveal)


@secrets.command(
    short_help="Write the values into a file, for a run on this machine.",
    epilog=examples("core-backend secrets export dev.env --names app.secret_names --env dev"),
)
@click.argument("file", type=click.Path(dir_okay=True, path_type=Path))
@real_names
@assume_yes
@with_run
def export(run: Run, file: Path, declared: Declarations, real_names: RealNames) -> int:
    """Write the values into FILE, for a run on this machine.

    FILE is a .env or a .json file, as secrets import and invoke read it. Its keys are the
    environment variables of the secrets; a binary value is base64. Only you can read the file.
    The exit code is 1 if a secret has no value.
    """
    from core_backend.cli.reads import export_secrets

    return export_secrets(run, file, declared, real_names)


@secrets.command(
    short_help="Show which values two environments share.",
    epilog=examples(
        "core-backend secrets diff dev prod --names app.secret_names --to-profile production"
    ),
)
@environments
@names()
@with_run
def diff(  # noqa: PLR0913  # click passes each option
    run: Run,
    declared: Declarations,
    *,
    first: str,
    second: str,
    to_profile: str | None,
    to_region: str | None,
) -> int:
    """Show which secrets have the same value in the environments FROM and TO.

    No value is shown. The exit code is 1 unless all values are the same.
    """
    from core_backend.cli.reads import diff_environments

    other = run.copy(profile=to_profile, region=to_region)
    return diff_environments(run, other, declared, (first, second))


@secrets.command(
    short_help="Copy values from one environment to another.",
    epilog=examples(
        "core-backend secrets copy dev staging --names app.secret_names",
        "core-backend secrets copy dev prod stripe-api-key --names app.secret_names --yes",
    ),
)
@environments
@click.argument("chosen", metavar="[NAME]...", nargs=-1, shell_complete=complete_name)
@names()
@create
@assume_yes
@with_run
def copy(  # noqa: PLR0913  # as above
    run: Run,
    declared: Declarations,
    *,
    first: str,
    second: str,
    to_profile: str | None,
    to_region: str | None,
    chosen: tuple[str, ...],
) -> int:
    """Copy the values of the environment FROM to the environment TO: of each NAME, or all.

    The command shows a plan, asks, and then writes. No value is shown. The exit code is 1 if a
    secret has no value in FROM.
    """
    named = tuple(dict.fromkeys(find_name(declared, name) for name in chosen))
    from core_backend.cli.writes import copy_secrets

    return copy_secrets(
        run,
        run.copy(profile=to_profile, region=to_region),
        named or declared.secrets,
        (first, second),
    )


@secrets.command(
    "list",
    short_help="List the secrets of an environment that nobody declares.",
    epilog=examples("core-backend secrets list --names app.secret_names --env dev"),
)
@names()
@environment()
@with_run
def list_(run: Run, declared: Declarations, env_name: str) -> None:
    """List the secrets of an environment that the module does not declare.

    They are those whose real name begins with the environment's, including those that are marked
    for deletion. Perhaps another module declares them.
    """
    from core_backend.cli.status import list_undeclared

    list_undeclared(run, declared, env_name)


@secrets.command(
    short_help="Take back the deletion of a secret.",
    epilog=examples(
        "core-backend secrets restore stripe-api-key --names app.secret_names --env dev"
    ),
)
@_name
@real_names
@with_run
def restore(run: Run, name: str, declared: Declarations, real_names: RealNames) -> None:
    """Take back the deletion of the secret NAME, which still has its value."""
    secret = find_name(declared, name)
    from core_backend.cli.status import restore_secret

    restore_secret(run, secret, real_names)
