"""What a function on the desk is set to, checked where it is given."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, cast

from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["checked_folder", "checked_variables", "checked_workers"]


def checked_folder(task_root: str | os.PathLike[str], handler: str) -> Path:
    """Return the folder as an absolute path; it has to be there, and the runtime client too."""
    if importlib.util.find_spec("awslambdaric") is None:
        raise ConfigurationError(
            "LocalLambda runs the Lambda runtime client, which is not installed: "
            "pip install 'core_backend[local]'"
        )
    folder = Path(task_root).resolve()
    if not folder.is_dir():
        raise ConfigurationError(
            f"task_root is {folder}, which is no folder; name the one that holds the module of "
            f"{handler!r}"
        )
    return folder


def checked_workers(concurrency: int) -> int:
    """Return the number of workers, if it is one."""
    if concurrency < 1:
        raise ConfigurationError(
            f"concurrency is {concurrency}, which is no number of workers; it is 1 or more, or "
            f"None for a function that is none of Lambda Managed Instances"
        )
    return concurrency


def checked_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Return the function's own variables, if all are text."""
    for name, value in cast("Mapping[object, object]", env).items():
        for part in (name, value):
            if not isinstance(part, str):
                raise TypeError(
                    f"env has {name!r}, with a {type(part).__name__} where a variable has text: "
                    f"names and values are str"
                )
    return dict(env)
