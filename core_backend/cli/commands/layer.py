"""``core-backend layer``: this package, and what it needs, as a Lambda layer."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from core_backend.cli.options import as_json, common, examples
from core_backend.cli.run import CommandError

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
@click.option("--with-sdk", is_flag=True, help="Add aiobotocore; pip gets it for Lambda.")
@click.option(
    "--python", default="3.14", show_default=True, metavar="X.Y", help="The function's Python."
)
@click.option(
    "--arch",
    type=click.Choice(["arm64", "x86_64"]),
    default="arm64",
    show_default=True,
    help="The function's architecture; only the SDK depends on it.",
)
@as_json
@common
def layer(file: Path, *, with_sdk: bool, python: str, arch: str, as_json: bool) -> None:
    """Build a Lambda layer with this package and what it needs, and show what is in it.

    The layer is made of what is installed here; without --with-sdk nothing is downloaded. The same
    contents make the same bytes.
    """
    import tempfile

    from core_backend.cli.output import print_json, print_table
    from core_backend.deploy import build_layer, zip_layer

    try:
        # A folder beside the file, so that the finished zip replaces the file in one step.
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".layer-") as folder:
            contents, zipped = Path(folder, "contents"), Path(folder, "layer.zip")
            built = build_layer(contents, with_sdk=with_sdk, python=python, architecture=arch)
            sizes = [path.stat().st_size for path in contents.rglob("*") if path.is_file()]
            size = zip_layer(contents, zipped)
            zipped.replace(file)
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written: {error.strerror}", "Name another file with --output."
        ) from error
    if as_json:
        print_json(
            {
                "file": str(file),
                "bytes": size,
                "files": len(sizes),
                "unpacked_bytes": sum(sizes),
                "bytecode": built.bytecode,
                "packages": built.packages,
            }
        )
    else:
        sys.stdout.write(
            f"{file}: {size:,} bytes; {len(sizes):,} files, {sum(sizes):,} bytes unpacked\n\n"
        )
        print_table(("PACKAGE", "VERSION"), list(built.packages.items()), styles={})
    if not built.bytecode:
        sys.stderr.write(
            f"\nThe layer holds source, because Python {python} is not on this machine: cold "
            f"starts take longer.\n"
        )
    sys.stderr.write(
        f"\nPublish it: aws lambda publish-layer-version --layer-name core-backend "
        f"--zip-file fileb://{file}\n"
        f"    --compatible-runtimes python{python} --compatible-architectures {arch}\n"
    )
