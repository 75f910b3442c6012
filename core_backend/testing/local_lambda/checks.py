"""Checks of what ``LocalLambda`` is given, so that a mistake is raised where it is made."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, cast

from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["check_env", "check_workers", "resolve_task_root"]


def resolve_task_root(task_root: str | os.PathLike[str], handler: str) -> Path:
    """Return the folder with the function's code as an absolute path.

    Raises:
        ConfigurationError: There is no such folder, or no runtime client to run what is in it.
    """
    if importlib.util.find_spec("awslambdaric") is None:
        raise ConfigurationError(
            "LocalLambda runs the Lambda runtime client, which is not installed: "
            "pip install 'core_backend[local]'"
        )
    folder = Path(task_root).resolve()
    if not folder.is_dir():
        raise ConfigurationError(
            f"task_root is {folder}, which is not a folder; name the folder that holds the module "
            f"of {handler!r}"
        )
    return folder


def check_workers(concurrency: int) -> int:
    """Return the number of workers, which is 1 or more."""
    if concurrency < 1:
        raise ConfigurationError(
            f"concurrency is {concurrency}, which is not a number of workers; pass 1 or more, or "
            f"None for a function that does not run on Lambda Managed Instances"
        )
    return concurrency


def check_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the function's own variables, whose names and values are all text."""
    for name, value in cast("Mapping[object, object]", env).items():
        for part in (name, value):
            if not isinstance(part, str):
                raise TypeError(
                    f"env has {name!r}, with a {type(part).__name__} where a variable has text: "
                    f"names and values are str"
                )
    return dict(env)
