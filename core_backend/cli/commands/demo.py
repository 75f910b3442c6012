"""``core-backend demo``: the whole path, on this machine."""

from __future__ import annotations

import click

from core_backend.cli.options import common, examples

__all__ = ["demo"]


@click.command(
    short_help="Run an example, without an AWS account.", epilog=examples("core-backend demo")
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False), required=False)
@common
def demo(folder: str | None) -> int:
    """Run an example under the Lambda runtime client: cold, warm, frozen and rotated.

    Its secrets are made up and served on this machine; no AWS account is involved. FOLDER is the
    function's code, in place of the example's.
    """
    from core_backend.testing.demo import main

    return main([] if folder is None else [folder])
