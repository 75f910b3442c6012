"""``core-backend check``: does the code get the secrets that it uses?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core_backend.cli.options import examples, names, with_run

if TYPE_CHECKING:
    from core_backend.cli.declarations import Declarations
    from core_backend.cli.run import Run

__all__ = ["check"]


@click.command(
    short_help="Check that the code gets the secrets it uses.",
    epilog=examples(
        "core-backend check --template cdk.out/Shop.template.json \\",
        "    --names src/secret_names.py --handler src",
        "core-backend check --template template.yaml --names src/secret_names.py --strict",
    ),
)
@click.option(
    "--template",
    "templates",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    required=True,
    help="A folder cdk.out, a CloudFormation or SAM template, or the JSON of a Terraform plan. "
    "Repeat it for templates that are deployed together.",
)
@names()
@click.option(
    "--handler",
    "handlers",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="The handlers' source, a file or a folder. Without it, the code that the template names.",
)
@click.option(
    "--function",
    metavar="ID",
    help="The logical id or construct path of the only function to check.",
)
@click.option(
    "--external",
    metavar="NAME",
    multiple=True,
    help="A name whose secret is declared elsewhere.",
)
@click.option("--strict", is_flag=True, help="Fail as well if something cannot be told.")
@with_run
def check(  # noqa: PLR0913  # click passes each option
    run: Run,
    *,
    templates: tuple[Path, ...],
    declared: Declarations,
    handlers: tuple[Path, ...],
    function: str | None,
    external: tuple[str, ...],
    strict: bool,
) -> int:
    """Check that each handler gets the secrets that its code asks for.

    The command does not call AWS, and reads the code without running it. The exit code is 1 if
    something is wrong.
    """
    from core_backend.cli.output import print_json
    from core_backend.deploy.check import check as compare

    report = compare(
        templates,
        names=declared.imported,
        handler=handlers or None,
        function=function,
        external=external,
        strict=strict,
    )
    if run.output == "json":
        print_json(
            {
                "ok": report.ok,
                "secrets": [one._asdict() for one in report.secrets],
                "faults": report.faults,
                "warnings": report.warnings,
                "unused": report.unused,
                "unnamed": report.unnamed,
                "unseen": report.unseen,
            }
        )
    else:
        sys.stdout.write(f"{report}\n")
    return 0 if report.ok else 1
