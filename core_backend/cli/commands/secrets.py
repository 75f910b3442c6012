"""``core-backend secrets``: see and fill what a module declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core_backend.cli.options import (
    assume_yes,
    common,
    complete_name,
    environment,
    examples,
    find_name,
    names,
    output,
    refuse_value,
)

if TYPE_CHECKING:
    from core_backend.cli.declarations import Declarations
    from core_backend.cli.run import Run

__all__ = ["secrets"]


@click.group(epilog=examples("core-backend secrets status --names app.secret_names --env dev"))
@common
def secrets() -> None:
    """See and fill the secrets that a module declares."""


@secrets.command(epilog=examples("core-backend secrets status --names app.secret_names --env dev"))
@names()
@environment()
@output
@common
@click.pass_obj
def status(run: Run, declared: Declarations, env_name: str, output: str) -> int:
    """Show which secrets are set, and which still have no value.

    No value is fetched. The exit code is 1 unless all of them are set.
    """
    from core_backend.cli.status import show_status

    return show_status(run, declared, env_name, output)


@secrets.command(
    "set",
    epilog=examples(
        "core-backend secrets set stripe-api-key --names app.secret_names --env dev",
        "core-backend secrets set tls-key --names app.secret_names --env dev < key.pem",
    ),
)
@click.argument("name", shell_complete=complete_name)
@refuse_value
@names()
@environment()
@click.option("--create", is_flag=True, help="Create the secret, if no stack owns it.")
@assume_yes
@common
@click.pass_obj
def set_(  # noqa: PLR0913  # click passes each option
    run: Run, name: str, declared: Declarations, env_name: str, *, create: bool, yes: bool
) -> None:
    """Give the secret NAME a value.

    On a terminal, the value is asked for twice and not shown. Otherwise it is read from standard
    input. It is checked against the shape that NAME declares before anything is written.
    """
    from core_backend.cli.writes import set_secret

    set_secret(run, find_name(declared, name), env_name, create=create, assume_yes=yes)


@secrets.command(
    "import",
    epilog=examples(
        "core-backend secrets import dev.env --names app.secret_names --env dev",
        "core-backend secrets import prod.json --names app.secret_names --env prod --yes",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@names()
@environment()
@click.option("--create", is_flag=True, help="Create secrets that no stack owns.")
@assume_yes
@common
@click.pass_obj
def import_(  # noqa: PLR0913  # as above
    run: Run, file: Path, declared: Declarations, env_name: str, *, create: bool, yes: bool
) -> None:
    """Give many secrets the values that FILE has for them.

    FILE is a .json file with one object, or a .env file. Its keys are declared names or their
    environment variables. For a value that is declared as binary, use secrets set. The command
    shows a plan, asks, and then writes. If it is interrupted, run it again to write the rest.
    """
    from core_backend.cli.writes import import_secrets

    import_secrets(run, file, declared, env_name, create=create, assume_yes=yes)
