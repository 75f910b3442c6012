"""Fetching what a handler will ask for while the rest of its module is still importing."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from core_backend.errors import ConfigurationError
from core_backend.secrets import get_secret

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["start"]


def start(secrets: Iterable[str]) -> None:
    """Start fetching on Lambda, where an invocation is bound to follow; elsewhere do nothing.

    Under SnapStart it starts after each restore: a snapshot holds no values, nor connections.

    Source: Lambda developer guide, "Defined runtime environment variables" and "Implement code
    before or after Lambda function snapshots".

    Raises:
        ConfigurationError: That is no list of names and ids. Anywhere, so that a test finds it.
    """
    wanted = _checked(secrets)
    if "AWS_LAMBDA_RUNTIME_API" not in os.environ:
        return
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        _ask(wanted)
        return
    # Lambda's own package, there wherever SnapStart is; nobody else pays for the import.
    import snapshot_restore_py  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    snapshot_restore_py.register_after_restore(_ask, wanted)


def _checked(secrets: Iterable[object]) -> tuple[str, ...]:
    # A single str would be a list of its letters.
    given = [None] if isinstance(secrets, str) else list(secrets)
    names = tuple(secret for secret in given if isinstance(secret, str))
    if len(names) != len(given):
        raise ConfigurationError(
            f"prefetch takes a list of SecretNames and ids, such as [STRIPE_API_KEY], not "
            f"{secrets!r:.80}"
        )
    return names


def _ask(secrets: tuple[str, ...]) -> None:
    for secret in secrets:
        # Whatever is wrong is so still where the secret is awaited, and is raised there: a module
        # that fails to import takes down invocations that would do without.
        with contextlib.suppress(Exception):
            get_secret(secret)
