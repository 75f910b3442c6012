"""``layer``: the zip file, and what is in it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from core_backend.cli.errors import CommandError
from core_backend.cli.output import print_table
from core_backend.deploy import build_layer, zip_layer

__all__ = ["write_layer"]


def write_layer(file: Path, *, with_sdk: bool, python: str, architecture: str) -> None:
    """Build the layer, and print its size and its contents.

    Raises:
        CommandError: The file cannot be written.
        ConfigurationError: The layer cannot be built.
    """
    try:
        # Beside the file, which so is there whole or not at all.
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".layer-") as folder:
            contents, zipped = Path(folder, "contents"), Path(folder, "layer.zip")
            layer = build_layer(
                contents, with_sdk=with_sdk, python=python, architecture=architecture
            )
            sizes = [path.stat().st_size for path in contents.rglob("*") if path.is_file()]
            size = zip_layer(contents, zipped)
            zipped.replace(file)
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written: {error.strerror}", "Name another with --output."
        ) from error
    sys.stdout.write(
        f"{file}: {size:,} bytes; {len(sizes):,} files, {sum(sizes):,} bytes unpacked\n\n"
    )
    print_table(("PACKAGE", "VERSION"), list(layer.packages.items()), styles={})
    if not layer.bytecode:
        sys.stderr.write(
            f"\nIt is source, since Python {python} is not on this machine: a cold start takes "
            f"longer.\n"
        )
    sys.stderr.write(
        f"\nPublish it: aws lambda publish-layer-version --layer-name core-backend "
        f"--zip-file fileb://{file}\n"
        f"    --compatible-runtimes python{python} --compatible-architectures {architecture}\n"
    )
