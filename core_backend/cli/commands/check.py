"""``core-backend check``: does the code get the secrets that it uses?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core_backend.cli.options import common, examples, names, output

if TYPE_CHECKING:
    from core_backend.cli.declarations import Declarations

__all__ = ["check"]


@click.command(
    short_help="Check that the code gets the secrets it uses.",
    epilog=examples(
        "core-backend check --template cdk.out/Shop.template.json \\",
        "    --names src/secret_names.py --handler src",
    ),
)
@click.option(
    "--template",
    "templates",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    required=True,
    help="A synthesized template; once for each of those that are deployed together.",
)
@names()
@click.option(
    "--handler",
    "handlers",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    required=True,
    help="The handler's source: a file, or a folder with all that is deployed.",
)
@click.option(
    "--function",
    metavar="ID",
    help="The function's logical id or construct path, if the template has several.",
)
@click.option(
    "--external",
    metavar="NAME",
    multiple=True,
    help="A name whose secret is declared elsewhere.",
)
@output
@common
def check(  # noqa: PLR0913, PLR0917  # click passes each option
    templates: tuple[Path, ...],
    declared: Declarations,
    handlers: tuple[Path, ...],
    function: str | None,
    external: tuple[str, ...],
    output: str,
) -> int:
    """Check that each secret the code uses is declared, in the environment and granted.

    The command does not call AWS, and reads the handler without running it. The exit code is 1
    if something is missing.
    """
    from core_backend.cli.output import print_json
    from core_backend.deploy.check import check as compare

    report = compare(
        templates,
        names=declared.imported,
        handler=handlers,
        function=function,
        external=external,
    )
    if output == "json":
        print_json(
            {
                "ok": report.ok,
                "secrets": [{**one._asdict(), "gaps": one.gaps} for one in report.secrets],
                "unused": report.unused,
                "unnamed": report.unnamed,
                "unseen": report.unseen,
            }
        )
    else:
        sys.stdout.write(f"{report}\n")
    return 0 if report.ok else 1
