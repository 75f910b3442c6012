"""``core-backend layer``: what a function needs of this package, as a layer."""

from __future__ import annotations

from pathlib import Path

import click

from core_backend.cli.options import common, examples

__all__ = ["layer"]


@click.command(
    short_help="Build a Lambda layer.",
    epilog=examples(
        "core-backend layer -o layer.zip",
        "core-backend layer -o layer.zip --with-sdk --python 3.12 --arch x86_64",
    ),
)
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The zip file to write.",
)
@click.option("--with-sdk", is_flag=True, help="Add aiobotocore, got with pip for Lambda.")
@click.option(
    "--python", default="3.13", show_default=True, metavar="X.Y", help="The function's Python."
)
@click.option(
    "--arch",
    type=click.Choice(["arm64", "x86_64"]),
    default="arm64",
    show_default=True,
    help="The function's architecture; matters to the SDK alone.",
)
@common
def layer(file: Path, *, with_sdk: bool, python: str, arch: str) -> None:
    """Build a Lambda layer with this package and what it needs, and show what is in it.

    It is made of what is installed here; without --with-sdk nothing is downloaded. The same
    contents make the same bytes.
    """
    from core_backend.cli.layering import write_layer

    write_layer(file, with_sdk=with_sdk, python=python, architecture=arch)
