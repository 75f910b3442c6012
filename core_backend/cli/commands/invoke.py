"""``core-backend invoke`` and ``demo``: functions that run on this machine as on Lambda."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core_backend.cli.options import as_json, common, environment, examples, names, with_run

if TYPE_CHECKING:
    from typing import Any

    from core_backend.cli.run import Run

__all__ = ["demo", "invoke"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _read_variables(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if not all(key and equals for key, equals, _ in pairs):
        # Not quoted: it may hold a value.
        raise click.BadParameter("it is not KEY=VALUE")
    return {key: value for key, _, value in pairs}


@click.command(
    short_help="Run a handler on this machine.",
    epilog=examples(
        "core-backend invoke handler.handler --task-root src --event event.json \\",
        "    --names src/secret_names.py --secrets-file local.json",
        "core-backend invoke handler.handler --task-root src --repeat 3",
    ),
)
@click.argument("handler")
@click.option(
    "--task-root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="The folder with the function's code.",
)
@click.option("--event", type=_FILE, help="A JSON file; without it, the event is null.")
@names(required=False)
@environment(default="local")
@click.option(
    "--secrets-file",
    type=_FILE,
    help="A .json or .env file with values, as for secrets import. A value that is declared as "
    "binary is base64. Secrets that it does not name are empty.",
)
@click.option(
    "--variable",
    "variables",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_read_variables,
    help="One more variable of the function's environment.",
)
@click.option(
    "--repeat",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How often; all invocations but the first are warm.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    help="Run that many workers, as Lambda Managed Instances do, each time with as many events.",
)
@click.option("--snap-start", is_flag=True, help="Take a snapshot after the start, and restore it.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="How many seconds an invocation may take.",
)
@with_run
def invoke(run: Run, /, **options: Any) -> None:
    """Run HANDLER, such as handler.handler, under Lambda's own runtime client.

    Secrets are served on this machine, with the values in --secrets-file; no AWS account is
    involved. The command shows the result, the log, and when each secret was fetched. Values of
    the file are masked everywhere.
    """
    if options["secrets_file"] and not options["declared"]:
        raise click.UsageError("--secrets-file needs --names: the module that declares its keys")
    from core_backend.cli.local_run import Request, invoke_locally

    invoke_locally(run, Request(**options))


@click.command(
    short_help="Run an example, without an AWS account.", epilog=examples("core-backend demo")
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False), required=False)
@as_json
@common
def demo(folder: str | None, *, as_json: bool) -> int:
    """Run an example under Lambda's runtime client: cold, warm, frozen and rotated.

    Its secrets are made up and served on this machine; no AWS account is involved. FOLDER is the
    code of a function of yours, to be run in place of the example.
    """
    from core_backend.testing.demo import main

    return main([*([] if folder is None else [folder]), *(["--json"] if as_json else [])])
